#include "peer/ops/expert_mix.h"

#include "peer/base/require.h"
#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/device_dispatch.h"
#include "peer/ops/index_check.h"

namespace peer::ops {

void expert_mix(Context& ctx, const ExpertMix& op) {
  require(op.x.shape[1] == op.rows.width && op.y.shape == op.x.shape, "expert_mix: x and y must be (N, D)");
  require(op.id.shape[0] == op.x.shape[0], "expert_mix: id must be (N, R)");
  require(op.gate.shape == op.id.shape && op.hidden.shape == op.id.shape, "expert_mix: gate and hidden must be (N, R)");
  require_below(ctx, op.id, op.rows.count, "expert_mix: every id must be in [0, rows.count)");
  ctx.count_flops(numbers(op.id) * 4 * static_cast<double>(op.rows.width));
  dispatch<&CpuTwins::expert_mix, cuda::expert_mix>(ctx, "expert_mix", op);
}

void expert_mix_backward(Context& ctx, const ExpertMixBackward& op) {
  require(op.dy.shape[1] == op.rows.width && op.dx.shape == op.dy.shape, "expert_mix_backward: dy and dx must be (N, D)");
  require(op.id.shape[0] == op.dy.shape[0], "expert_mix_backward: id must be (N, R)");
  require(op.gate.shape == op.id.shape && op.hidden.shape == op.id.shape, "expert_mix_backward: gate and hidden must be (N, R)");
  require(op.dgate.shape == op.id.shape && op.dhidden.shape == op.id.shape && op.up_weight.shape == op.id.shape,
          "expert_mix_backward: dgate, dhidden and up_weight must be (N, R)");
  require_below(ctx, op.id, op.rows.count, "expert_mix_backward: every id must be in [0, rows.count)");
  ctx.count_flops(numbers(op.id) * 4 * static_cast<double>(op.rows.width));
  dispatch<&CpuTwins::expert_mix_backward, cuda::expert_mix_backward>(ctx, "expert_mix_backward", op);
}

}  // namespace peer::ops
