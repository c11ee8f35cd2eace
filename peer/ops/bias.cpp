#include "peer/ops/bias.h"

#include "peer/base/require.h"
#include "peer/ops/cuda_twins.h"
#include "peer/ops/device_dispatch.h"

namespace peer::ops {

void bias(Context& ctx, const Bias& op) {
  require(op.bias.shape[0] == op.y.shape[1], "bias: bias must have one element a column");
  dispatch<&CpuTwins::bias, cuda::bias>(ctx, "bias", op);
}

void bias_backward(Context& ctx, const BiasBackward& op) {
  require(op.dbias.shape[0] == op.dy.shape[1], "bias_backward: dbias must have one element a column");
  dispatch<&CpuTwins::bias_backward, cuda::bias_backward>(ctx, "bias_backward", op);
}

}  // namespace peer::ops
