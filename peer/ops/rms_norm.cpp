#include "peer/ops/rms_norm.h"

#include "peer/base/require.h"
#include "peer/ops/cuda_twins.h"
#include "peer/ops/device_dispatch.h"

namespace peer::ops {

void rms_norm(Context& ctx, const RmsNorm& op) {
  require(op.y.has_shape(op.x.shape), "rms_norm: x and y must have the same shape");
  require(op.weight.shape[0] == op.x.shape[1], "rms_norm: weight must have one element a column");
  require(op.inverse_rms.shape[0] == op.x.shape[0], "rms_norm: inverse_rms must have one element a row");
  dispatch<&CpuTwins::rms_norm, cuda::rms_norm>(ctx, "rms_norm", op);
}

void rms_norm_backward(Context& ctx, const RmsNormBackward& op) {
  require(op.dy.shape == op.x.shape && op.dx.shape == op.x.shape, "rms_norm_backward: x, dy and dx must have the same shape");
  require(op.weight.shape[0] == op.x.shape[1], "rms_norm_backward: weight must have one element a column");
  require(op.inverse_rms.shape[0] == op.x.shape[0], "rms_norm_backward: inverse_rms must have one element a row");
  require(op.dweight.empty() || op.dweight.shape == op.weight.shape, "rms_norm_backward: weight and dweight must have the same shape");
  dispatch<&CpuTwins::rms_norm_backward, cuda::rms_norm_backward>(ctx, "rms_norm_backward", op);
}

}  // namespace peer::ops
