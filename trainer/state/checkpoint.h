// Model <-> pool: with trainer/model_image, which it fills, the only file that translates between the two.
#pragma once

#include <optional>
#include <span>

#include "peer/device/host_staging.h"
#include "peer/model/model.h"
#include "pool/pool.h"
#include "trainer/state/byte_bigrams.h"
#include "trainer/state/language_model.h"
#include "trainer/state/stored_state.h"

namespace peer::trainer {

class ModelImage;

// A model and what is known about it, as a generation holds them.
struct LoadedModel {
  model::Model model;
  model::DeltaOptions delta;
  History history;
  std::optional<StoredRun> run;
  std::vector<ByteBigrams> statistics = {};  // by view: of the text that it was trained on
  std::shared_ptr<const streams::Tokenizer> tokenizer = streams::byte_tokenizer();
  LanguageModel language() { return {model, *tokenizer}; }
};

// Frozen pages are mapped, nothing of them is read yet. With a stored run, what it trained is trainable again and has its moments.
LoadedModel load_model(const pool::Pool& pool, const pool::Generation& generation, Device device);

// What `changed` views hold: their trunks, statistics and dirty pages. to_go_on: moments and rows' optimizer state too, for a run that is
// not over; without them the pages are sealed as frozen.
ModelImage image_of(LoadedModel& loaded, std::span<const int> changed, bool to_go_on);
// What a generation says of the model and, with `run`, of a stage that is not over.
std::string state_text(LoadedModel& loaded, const std::optional<StoredRun>& run);

// Puts both into the transaction, as of a stage that is over. NumericError when a weight is not finite. staging: of the model's device.
void save_model(LoadedModel& loaded, std::span<const int> changed, HostStaging& staging, pool::Transaction& transaction);

// The next generation goes without what this one holds of a view, experts aside.
void drop_trunks(LoadedModel& loaded, int view, pool::Transaction& transaction);

}  // namespace peer::trainer
