#include "peer/ops/expert_row_update.h"

#include "peer/base/require.h"
#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/device_dispatch.h"
#include "peer/ops/index_check.h"

namespace peer::ops {

void expert_row_update(Context& ctx, const ExpertRowUpdate& op) {
  require(op.rule.now != nullptr, "expert_row_update: the state of the step must be given");
  require(op.dy.shape == op.x.shape && op.x.shape[1] == op.rows.width, "expert_row_update: x and dy must be (N, D)");
  require(op.dhidden.shape[0] == op.x.shape[0] && op.up_weight.shape == op.dhidden.shape,
          "expert_row_update: dhidden and up_weight must be (N, R)");
  require(op.order.shape[0] >= op.dhidden.size(), "expert_row_update: order must hold N*R elements");
  require(op.first >= 0 && op.begin.shape[0] >= op.first + op.expert.shape[0] + 1,
          "expert_row_update: begin must reach past segment first + C");
  require_below(ctx, op.expert, op.rows.count, "expert_row_update: every expert must be in [0, rows.count)");
  if (ctx.device().is_cpu()) require_room_for_state(op.rows);
  // How many picks a segment has only the device knows: as many as on average, which over all segments is the same.
  const double segments = static_cast<double>(op.begin.shape[0] - 1), width = static_cast<double>(op.x.shape[1]);
  ctx.count_flops(numbers(op.dhidden) * static_cast<double>(op.expert.shape[0]) / segments * 4 * width);
  dispatch<&CpuTwins::expert_row_update, cuda::expert_row_update>(ctx, "expert_row_update", op);
}

}  // namespace peer::ops
