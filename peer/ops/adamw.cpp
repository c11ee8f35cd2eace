#include "peer/ops/adamw.h"

#include "peer/base/require.h"
#include "peer/ops/cuda_twins.h"
#include "peer/ops/device_dispatch.h"

namespace peer::ops {

void adamw(Context& ctx, const Adamw& op) {
  require(op.gradient.shape == op.weight.shape, "adamw: gradient and weight must have the same size");
  require(op.m.shape == op.weight.shape && op.v.shape == op.weight.shape, "adamw: m, v and weight must have the same size");
  require(op.clip == 0 || op.squares.shape[0] == 1, "adamw: a clip needs the gradient's sum of squares");
  require(op.lazy_row >= 0 && (op.lazy_row == 0 || op.weight.shape[0] % op.lazy_row == 0), "adamw: the size must be whole rows");
  require(op.now != nullptr, "adamw: the state of the step must be given");
  require(!ctx.device().is_cpu() || op.now->step >= 1, "adamw: the first step is number 1");
  dispatch<&CpuTwins::adamw, cuda::adamw>(ctx, "adamw", op);
}

}  // namespace peer::ops
