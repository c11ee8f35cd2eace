#include "peer/ops/swiglu.h"

#include "peer/base/require.h"
#include "peer/ops/cuda_twins.h"
#include "peer/ops/device_dispatch.h"

namespace peer::ops {

void swiglu(Context& ctx, const Swiglu& op) {
  require(op.up.shape == op.gate.shape && op.y.has_shape(op.gate.shape), "swiglu: gate, up and y must have the same shape");
  dispatch<&CpuTwins::swiglu, cuda::swiglu>(ctx, "swiglu", op);
}

void swiglu_backward(Context& ctx, const SwigluBackward& op) {
  require(op.up.shape == op.gate.shape && op.dy.shape == op.gate.shape, "swiglu_backward: gate, up and dy must have the same shape");
  require(op.dgate.has_shape(op.gate.shape) && op.dup.has_shape(op.gate.shape),
          "swiglu_backward: gate, dgate and dup must have the same shape");
  require(op.dgate.exact.empty() == op.dup.exact.empty() && op.dgate.rounded.empty() == op.dup.rounded.empty(),
          "swiglu_backward: dgate and dup must be written in the same precision");
  dispatch<&CpuTwins::swiglu_backward, cuda::swiglu_backward>(ctx, "swiglu_backward", op);
}

}  // namespace peer::ops
