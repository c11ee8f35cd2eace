#include "peer/ops/cpu_twins.h"
#include "peer/ops/operand_row.h"
#include "peer/ops/vector_math.h"

namespace peer::ops::cpu {

void swiglu(Context& ctx, const Swiglu& op) {
  const auto [rows, width] = op.gate.shape;
#pragma omp parallel for schedule(static) num_threads(ctx.threads()) if (rows > 1)
  for (std::int64_t n = 0; n < rows; ++n) {
    const float *gate = op.gate.row(n), *up = op.up.row(n);
    const auto write = [&](const auto& y) {
#pragma omp simd
      for (std::int64_t i = 0; i < width; ++i) y.set(i, gate[i] * logistic(gate[i]) * up[i]);
    };
    with_rows(n, write, op.y);
  }
}

// silu'(z) = s (1 + z (1 - s)),  s = logistic(z)
void swiglu_backward(Context& ctx, const SwigluBackward& op) {
  const auto [rows, width] = op.gate.shape;
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t n = 0; n < rows; ++n) {
    const float *gate = op.gate.row(n), *up = op.up.row(n), *dy = op.dy.row(n);
    const auto write = [&](const auto& dgate, const auto& dup) {
#pragma omp simd
      for (std::int64_t i = 0; i < width; ++i) {
        const float z = gate[i], s = logistic(z), gradient = dy[i];
        dgate.set(i, gradient * up[i] * s * (1.0f + z * (1.0f - s)));
        dup.set(i, gradient * z * s);
      }
    };
    with_rows(n, write, op.dgate, op.dup);
  }
}

}  // namespace peer::ops::cpu
