#pragma once

#include "peer/base/view.h"
#include "peer/device/context.h"
#include "peer/device/operand.h"

namespace peer::ops {

// Gated unit: y = silu(gate) * up,  silu(z) = z / (1 + exp(-z))     (Shazeer 2020)
struct Swiglu {
  View<const float, 2> gate;  // (N, F)
  View<const float, 2> up;    // (N, F)
  OperandTarget y;            // (N, F)  set
};
inline Work work(const Swiglu& op) { return {.flops = 5 * numbers(op.gate), .bytes = view_bytes(op.gate, op.up) + target_bytes(op.y)}; }
void swiglu(Context& ctx, const Swiglu& op);

struct SwigluBackward {
  View<const float, 2> gate;  // (N, F)
  View<const float, 2> up;    // (N, F)
  View<const float, 2> dy;    // (N, F)
  OperandTarget dgate;        // (N, F)  set
  OperandTarget dup;          // (N, F)  set, in what dgate is
};
inline Work work(const SwigluBackward& op) {
  return {.flops = 11 * numbers(op.gate), .bytes = view_bytes(op.gate, op.up, op.dy) + target_bytes(op.dgate) + target_bytes(op.dup)};
}
void swiglu_backward(Context& ctx, const SwigluBackward& op);

}  // namespace peer::ops
