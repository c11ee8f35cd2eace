#include "peer/ops/cuda_twins.h"
#include "peer/ops/kernel_launch.cuh"
#include "peer/ops/vector_math.h"

namespace peer::ops::cuda {

void swiglu(Context& ctx, const Swiglu& op) {
  for_each_element(ctx, op.gate.size(),
                   [=] __device__(std::int64_t i) { op.y.set(i, op.gate.data[i] * logistic(op.gate.data[i]) * op.up.data[i]); });
}

// silu'(z) = s (1 + z (1 - s)),  s = logistic(z)
void swiglu_backward(Context& ctx, const SwigluBackward& op) {
  for_each_element(ctx, op.gate.size(), [=] __device__(std::int64_t i) {
    const float z = op.gate.data[i], s = logistic(z), gradient = op.dy.data[i];
    op.dgate.set(i, gradient * op.up.data[i] * s * (1.0f + z * (1.0f - s)));
    op.dup.set(i, gradient * z * s);
  });
}

}  // namespace peer::ops::cuda
