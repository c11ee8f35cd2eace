#pragma once

#include <string>
#include <vector>

#include "trainer/evaluation/bootstrap.h"
#include "trainer/state/held_out.h"
#include "trainer/state/learning_history.h"

namespace peer::trainer {

// What folding views into one cost a domain: bits per byte with the views and without them.
struct FoldingCost {
  std::string domain;
  double before = kMissing, after = kMissing;
  Interval difference = {};  // after - before: 95 %, paired by documents
};

struct Folding {
  std::string into;  // the view that took the others' place
  std::vector<FoldingCost> costs;
};

// By domain that both records hold. The documents' bits are read from the pool.
std::vector<FoldingCost> folding_costs(const pool::Pool& pool, const StageRecord& before, const StageRecord& after);

}  // namespace peer::trainer
