// A run as a comparison sees it: what a pool learnt and kept, document by document, and what that cost. Read without loading the model.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "peer/base/digest.h"
#include "pool/pool.h"
#include "trainer/evaluation/bootstrap.h"
#include "trainer/evaluation/stage_cost.h"
#include "trainer/state/learning_history.h"

namespace peer::trainer {

// One domain's course. `best` is over the stages from the first to the last but one, as forgetting has it; a revisit is a stage like any
// other. kMissing, and no documents, where nothing was measured.
struct DomainCourse {
  std::string name;
  Digest held_out;           // of the held-out documents
  double before = kMissing;  // bits per byte just before its own (first) stage
  double naive = kMissing;   // of a naive copy from the same parent (--reference naive)
  double own = kMissing, best = kMissing,
         last = kMissing;  // right after its own stage; the best before the last stage, of an older one; after the last
  std::vector<DocumentBits> own_bits, best_bits, last_bits;
  bool older = false;  // learnt before the last stage: it has had time to be forgotten
};

// The state after a stage: how well its domain was learnt, and how much of the older ones was lost by then.
struct StageCourse {
  std::string stage;  // History::stage_name
  double own = kMissing, forgetting_mean = kMissing, forgetting_max = kMissing;
};

struct ComparedRun {
  std::string name, pool;
  std::uint64_t seed = 0;
  std::vector<DomainCourse> domains;  // in the order of arrival; the first trained the base
  std::vector<StageCourse> stages;    // in order, with the base's
  // The stages after the first: the base is the same for all.
  StageCost cost;
  std::int64_t base_parameters = 0;

  std::vector<std::string> order() const;  // the names of the stages
};

// UsageError when the pool has not learnt two domains.
ComparedRun read_run(const pool::Pool& pool, const std::string& ref, const std::string& name);

}  // namespace peer::trainer
