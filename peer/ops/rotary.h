#pragma once

#include <cstdint>

#include "peer/base/view.h"
#include "peer/device/context.h"
#include "peer/ops/rotary_scaling.h"

namespace peer::ops {

// Rotary positions, in place, the rotate-half convention of Hugging Face Llama:          (Su et al. 2021)
//   for i < d/2, angle a = (first_position + t) * f[i], f[i] = theta^(-2i/d), scaled as `scaling` says:
//   (x[i], x[i+d/2]) <- (x[i] cos a - x[i+d/2] sin a,  x[i+d/2] cos a + x[i] sin a)
// The backward is the rotation by -a: pass inverse = true.   Requires: d even.
struct Rotary {
  View<float, 4> x;  // (B, T, heads, d)  rotated in place
  std::int64_t first_position = 0;
  double theta = 10000.0;
  bool inverse = false;
  RotaryScaling scaling = {};
};
inline Work work(const Rotary& op) { return {.flops = 3 * numbers(op.x), .bytes = 2 * view_bytes(op.x)}; }
void rotary(Context& ctx, const Rotary& op);

}  // namespace peer::ops
