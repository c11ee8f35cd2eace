// The state text of a generation: everything but the tensors and the experts. Opaque to the pool, JSON to people.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "peer/model/model_options.h"
#include "streams/corpus.h"
#include "trainer/state/learning_history.h"

namespace peer::trainer {

struct StoredBlock {
  std::int64_t id = -1, side = 0, open = 0;
  int view = 0, layer = 0;
  bool statistics_frozen = true;
};

struct StoredView {
  std::string name, domain;
  int parent = -1;
  model::DeltaOptions delta;  // not used for the base
  bool retired = false;       // folded into a later view: no trunk, no blocks
};

// A stage that was interrupted: enough to go on as if it had not been.
struct StoredRun {
  std::map<std::string, std::string> options;  // of every options struct of the run, as text
  std::int64_t step = 0;                       // optimizer steps done
  int view = 0;
  streams::Cursor cursor;
};

struct StoredState {
  model::ModelOptions model;
  model::DeltaOptions delta;        // what a stage grows unless it is told otherwise
  std::string tokenizer = "bytes";  // or "bpe": its kind; it lies in the pool's records
  std::uint64_t seed = 0;
  std::vector<StoredView> views;
  std::vector<StoredBlock> blocks;
  History history;
  std::optional<StoredRun> run;
};

std::string to_json(const StoredState& state);
// CorruptError naming `where` when the text is not a state.
StoredState parse_state(const std::string& json, const std::string& where);
// Whether it is the state of a stage that was not over. False for a text that is not a state: the commands that read it will say so.
bool is_unfinished(const std::string& json);

}  // namespace peer::trainer
