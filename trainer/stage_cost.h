// What each stage cost. Kept beside the generation, not in its state: seconds differ from run to run, and the same work must give the same
// digest.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pool/pool.h"
#include "trainer/learning_history.h"

namespace peer::trainer {

struct StageCost {
  std::string stage;          // as in RetentionMatrix::stages; "total"
  double seconds = kMissing;  // of the whole stage, its measuring included
  std::int64_t steps = 0, parameters_added = 0;
  double bytes_written = kMissing;   // to disk by the commit
  double peak_bytes = kMissing;      // the most memory that the process held
  double flops = kMissing;           // of the stage without its measuring (Context::flops)
  double old_text_bytes = kMissing;  // of older domains, kept in the pool to be replayed
};

// The most memory that this process has held so far, bytes.
double peak_memory();

// The record of the newest stage's cost, to be put once its commit is done.
std::pair<std::string, std::string> cost_record(const pool::Pool& pool, const History& history, double seconds, std::int64_t bytes_written,
                                                double flops);
// Of every stage that trained, oldest first. Numbers that were not recorded are kMissing.
std::vector<StageCost> stage_costs(const pool::Pool& pool, const History& history);
// Sums; of memory and old text the largest.
StageCost total_cost(const std::vector<StageCost>& costs);

}  // namespace peer::trainer
