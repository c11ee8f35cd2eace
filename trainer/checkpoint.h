// Model <-> pool: the only file that translates between the two.
#pragma once

#include <optional>
#include <span>

#include "peer/model/model.h"
#include "pool/pool.h"
#include "trainer/byte_bigrams.h"
#include "trainer/stored_state.h"

namespace peer::trainer {

// A model and what is known about it, as a generation holds them.
struct LoadedModel {
  model::Model model;
  model::DeltaOptions delta;
  History history;
  std::optional<StoredRun> run;
  std::vector<ByteBigrams> statistics = {};  // by view: of the text that it was trained on
};

// Frozen pages are mapped, nothing of them is read yet. With a stored run, what it trained is trainable again and has its moments.
LoadedModel load_model(const pool::Pool& pool, const pool::Generation& generation, Device device);

// Puts what `changed` views hold into the transaction: their trunks, statistics and dirty pages, and the state text. With `run`, moments
// and rows' optimizer state too, so that the run can go on; without it, the pages are sealed as frozen. NumericError when a weight is not
// finite.
void save_model(LoadedModel& loaded, std::span<const int> changed, const std::optional<StoredRun>& run, pool::Transaction& transaction);

// The next generation goes without what this one holds of a view, experts aside.
void drop_trunks(LoadedModel& loaded, int view, pool::Transaction& transaction);

}  // namespace peer::trainer
