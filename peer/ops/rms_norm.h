#pragma once

#include "peer/base/view.h"
#include "peer/device/context.h"
#include "peer/device/operand.h"

namespace peer::ops {

// Root-mean-square norm: y[n] = x[n] * r[n] * weight,  r[n] = 1 / sqrt(mean(x[n]^2) + epsilon)     (Zhang & Sennrich 2019)
struct RmsNorm {
  View<const float, 2> x;       // (N, D)
  View<const float, 1> weight;  // (D)
  float epsilon = 1e-5f;
  OperandTarget y;             // (N, D)  set
  View<float, 1> inverse_rms;  // (N)     set; saved for backward
};
inline Work work(const RmsNorm& op) {
  return {.flops = 4 * numbers(op.x), .bytes = view_bytes(op.x, op.weight, op.inverse_rms) + target_bytes(op.y)};
}
void rms_norm(Context& ctx, const RmsNorm& op);

// Deterministic for any number of threads.
struct RmsNormBackward {
  View<const float, 2> x;            // (N, D)
  View<const float, 1> weight;       // (D)
  View<const float, 1> inverse_rms;  // (N)
  View<const float, 2> dy;           // (N, D)
  View<float, 2> dx;                 // (N, D)  added
  View<float, 1> dweight;            // (D)     added; empty: frozen, not computed
};
inline Work work(const RmsNormBackward& op) {
  return {.flops = (op.dweight.empty() ? 8.0 : 11.0) * numbers(op.x),
          .bytes = view_bytes(op.x, op.weight, op.inverse_rms, op.dy) + 2 * view_bytes(op.dx, op.dweight)};
}
void rms_norm_backward(Context& ctx, const RmsNormBackward& op);

}  // namespace peer::ops
