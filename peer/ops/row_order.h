#pragma once

#include <cstdint>

#include "peer/base/view.h"
#include "peer/device/context.h"

namespace peer::ops {

// Picks sorted by expert (stable: within an expert in rising slot number), and where each expert's run begins.
//   slot s = n*R + r;  order: a permutation of the slots;  segment u holds order[begin[u] .. begin[u+1]) and belongs to expert[u].
// expert[] rises strictly. Deterministic for any number of threads.   Requires: 0 <= id < expert_count < 2^31, N*R < 2^31.
struct RowOrder {
  View<const std::int64_t, 2> id;  // (N, R)
  std::int64_t expert_count = 0;   // E
  View<std::int32_t, 1> order;     // (N*R)    set
  View<std::int64_t, 1> expert;    // (N*R)    first U elements set
  View<std::int32_t, 1> begin;     // (N*R+1)  first U+1 elements set
};
inline Work work(const RowOrder& op) { return {.bytes = view_bytes(op.id, op.order)}; }
// Returns U, the number of different experts picked; or, on a device that computes while the host goes on, an upper bound of it: the
// segments behind U are then empty, and their expert is -1.
std::int64_t row_order(Context& ctx, const RowOrder& op);

}  // namespace peer::ops
