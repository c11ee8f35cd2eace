#pragma once

#include "peer/base/view.h"
#include "peer/device/context.h"

namespace peer::ops {

// The bias of a linear map: y[n] += bias
struct Bias {
  View<const float, 1> bias;  // (O)
  View<float, 2> y;           // (N, O)  added
};
inline Work work(const Bias& op) { return {.flops = numbers(op.y), .bytes = view_bytes(op.bias) + 2 * view_bytes(op.y)}; }
void bias(Context& ctx, const Bias& op);

// dbias += sum_n dy[n]. Deterministic for any number of threads.
struct BiasBackward {
  View<const float, 2> dy;  // (N, O)
  View<float, 1> dbias;     // (O)  added
};
inline Work work(const BiasBackward& op) { return {.flops = numbers(op.dy), .bytes = view_bytes(op.dy) + 2 * view_bytes(op.dbias)}; }
void bias_backward(Context& ctx, const BiasBackward& op);

}  // namespace peer::ops
