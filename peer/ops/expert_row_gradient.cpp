#include "peer/ops/expert_row_gradient.h"

#include "peer/base/require.h"
#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/device_dispatch.h"

namespace peer::ops {

void expert_row_gradient(Context& ctx, const ExpertRowGradient& op) {
  require(op.dy.shape == op.x.shape, "expert_row_gradient: x and dy must be (N, D)");
  require(op.dhidden.shape[0] == op.x.shape[0] && op.up_weight.shape == op.dhidden.shape,
          "expert_row_gradient: dhidden and up_weight must be (N, R)");
  require(op.order.shape[0] >= op.dhidden.size(), "expert_row_gradient: order must hold N*R elements");
  require(op.gradient.shape[1] == 2 * op.x.shape[1], "expert_row_gradient: gradient must be (C, 2D)");
  require(op.first >= 0 && op.begin.shape[0] >= op.first + op.gradient.shape[0] + 1,
          "expert_row_gradient: begin must reach past segment first + C");
  // How many picks a segment has only the device knows: as many as on average, which over all chunks is the same.
  const double segments = static_cast<double>(op.begin.shape[0] - 1), width = static_cast<double>(op.x.shape[1]);
  ctx.count_flops(numbers(op.dhidden) * static_cast<double>(op.gradient.shape[0]) / segments * 4 * width);
  dispatch<&CpuTwins::expert_row_gradient, cuda::expert_row_gradient>(ctx, "expert_row_gradient", op);
}

}  // namespace peer::ops
