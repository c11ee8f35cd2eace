#include "peer/ops/cpu_twins.h"
#include "peer/ops/vector_math.h"

namespace peer::ops::cpu {

void swiglu(Context& ctx, const Swiglu& op) {
  const auto [rows, width] = op.gate.shape;
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t n = 0; n < rows; ++n) {
    const float *gate = op.gate.row(n), *up = op.up.row(n);
    float* y = op.y.row(n);
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) y[i] = gate[i] * logistic(gate[i]) * up[i];
  }
}

// silu'(z) = s (1 + z (1 - s)),  s = logistic(z)
void swiglu_backward(Context& ctx, const SwigluBackward& op) {
  const auto [rows, width] = op.gate.shape;
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t n = 0; n < rows; ++n) {
    const float *gate = op.gate.row(n), *up = op.up.row(n), *dy = op.dy.row(n);
    float *dgate = op.dgate.row(n), *dup = op.dup.row(n);
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) {
      const float z = gate[i], s = logistic(z), gradient = dy[i];
      dgate[i] = gradient * up[i] * s * (1.0f + z * (1.0f - s));
      dup[i] = gradient * z * s;
    }
  }
}

}  // namespace peer::ops::cpu
