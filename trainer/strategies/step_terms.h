#pragma once

#include "trainer/strategies/path_integral.h"
#include "trainer/strategies/rehearsal.h"
#include "trainer/strategies/sparse_rows.h"
#include "trainer/strategies/teacher.h"
#include "trainer/strategies/update_mask.h"
#include "trainer/strategies/weight_penalty.h"

namespace peer::trainer {

// What a step adds to the plain gradient, takes from it, or takes note of. None are owned; each may be missing. The reference sees the
// gradient of the loss, before the penalty's is added. All but the teacher compute on the host, for which the device is waited for.
struct StepTerms {
  const WeightPenalty* penalty = nullptr;
  PathIntegral* path = nullptr;
  Teacher* teacher = nullptr;
  Rehearsal* reference = nullptr;    // batches whose loss a step must not raise (A-GEM)
  const UpdateMask* mask = nullptr;  // only this may change
  SparseRows* sparse = nullptr;      // only rows of its choice may change, by SGD

  bool any() const { return teacher != nullptr || any_on_host(); }
  bool any_on_host() const { return penalty != nullptr || path != nullptr || reference != nullptr || mask != nullptr || sparse != nullptr; }
};

}  // namespace peer::trainer
