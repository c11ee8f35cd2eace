// What each stage cost. Kept beside the generation, not in its state: seconds differ from run to run, and the same work must give the same
// digest.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pool/pool.h"
#include "trainer/state/learning_history.h"

namespace peer::trainer {

struct StageCost {
  std::string stage;          // as in RetentionMatrix::stages; "total"
  double seconds = kMissing;  // of the whole stage, its measuring included
  std::int64_t steps = 0, parameters_added = 0;
  double bytes_written = kMissing;   // to disk by its commits
  double peak_bytes = kMissing;      // the most memory that the process held
  double flops = kMissing;           // of the stage without its measuring (Context::flops)
  double old_text_bytes = kMissing;  // of older domains, kept in the pool to be replayed
};

// The most memory that this process has held so far, bytes.
double peak_memory();

// What a stage has taken so far, over all the times that it was interrupted and resumed.
struct Spent {
  double seconds = 0, flops = 0;
  double bytes_written = 0;  // by its commits
};
// The record of what the stage after `history` on `parent` has taken so far, and what it says; nothing when there is none.
std::pair<std::string, std::string> running_cost_record(const History& history, GenerationId parent, const Spent& spent);
Spent read_running_cost(const pool::Pool& pool, const History& history, GenerationId parent);

// The record of the newest stage's cost, to be put once its commit is done.
std::pair<std::string, std::string> cost_record(const pool::Pool& pool, const History& history, const Spent& spent);
// Of every stage that trained, oldest first. Numbers that were not recorded are kMissing.
std::vector<StageCost> stage_costs(const pool::Pool& pool, const History& history);
// Sums; of memory and old text the largest.
StageCost total_cost(const std::vector<StageCost>& costs);

}  // namespace peer::trainer
