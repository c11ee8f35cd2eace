#include "peer/ops/row_order.h"

#include <limits>

#include "peer/base/require.h"
#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/device_dispatch.h"
#include "peer/ops/index_check.h"

namespace peer::ops {

std::int64_t row_order(Context& ctx, const RowOrder& op) {
  constexpr std::int64_t kLimit = std::numeric_limits<std::int32_t>::max();
  const std::int64_t slots = op.id.size();
  require(slots <= kLimit && op.expert_count <= kLimit, "row_order: N*R and expert_count must be below 2^31");
  require(op.order.shape[0] >= slots && op.expert.shape[0] >= slots, "row_order: order and expert must hold N*R elements");
  require(op.begin.shape[0] >= slots + 1, "row_order: begin must hold N*R + 1 elements");
  require_below(ctx, op.id, op.expert_count, "row_order: every id must be in [0, expert_count)");
  return dispatch<&CpuTwins::row_order, cuda::row_order>(ctx, "row_order", op);
}

}  // namespace peer::ops
