#pragma once

#include "peer/base/view.h"
#include "peer/device/context.h"

namespace peer::ops {

// Gated unit: y = silu(gate) * up,  silu(z) = z / (1 + exp(-z))     (Shazeer 2020)
struct Swiglu {
  View<const float, 2> gate;  // (N, F)
  View<const float, 2> up;    // (N, F)
  View<float, 2> y;           // (N, F)  set
};
void swiglu(Context& ctx, const Swiglu& op);

struct SwigluBackward {
  View<const float, 2> gate;  // (N, F)
  View<const float, 2> up;    // (N, F)
  View<const float, 2> dy;    // (N, F)
  View<float, 2> dgate;       // (N, F)  set
  View<float, 2> dup;         // (N, F)  set
};
void swiglu_backward(Context& ctx, const SwigluBackward& op);

}  // namespace peer::ops
