#pragma once

#include <algorithm>
#include <cstdint>

#include "peer/base/view.h"
#include "peer/device/context.h"
#include "peer/ops/adamw_rows.h"

namespace peer::ops {

// expert_row_gradient, and adamw_rows of each row as soon as it is summed: no gradient goes through memory. The same numbers as of the two
// ops one after the other; on a GPU up to their last bits, and where the context's precision is bf16 of x and dy rounded to bf16.
// Deterministic for any number of threads.
struct ExpertRowUpdate {
  RowRule rule;
  View<const float, 2> x;              // (N, D)
  View<const float, 2> dy;             // (N, D)
  View<const float, 2> dhidden;        // (N, R)
  View<const float, 2> up_weight;      // (N, R)
  View<const std::int32_t, 1> order;   // (N*R)
  View<const std::int32_t, 1> begin;   // (U+1)
  std::int64_t first = 0;              // first segment to update
  View<const std::int64_t, 1> expert;  // (C)  of the segments first .. first + C - 1, different; on a device -1 is none
  ExpertRows rows;                     // updated in place
};
inline Work work(const ExpertRowUpdate& op) {
  const auto picks = static_cast<double>(op.begin[op.first + op.expert.shape[0]] - op.begin[op.first]);
  const auto width = static_cast<double>(op.x.shape[1]);
  Work work = row_update_work(op.rows, trainable_records(op.rows, op.expert));
  work.flops += picks * 4 * width;
  work.bytes += view_bytes(op.expert) + picks * 3 * sizeof(float) + 2 * std::min(view_bytes(op.x), picks * width * sizeof(float));
  return work;
}
void expert_row_update(Context& ctx, const ExpertRowUpdate& op);

}  // namespace peer::ops
