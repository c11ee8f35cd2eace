#pragma once

#include "peer/base/view.h"
#include "peer/device/context.h"

namespace peer::ops {

// y = a x + b y, number by number; with b = 0 whatever y held.     (the BLAS's axpby)
struct Axpby {
  float a = 1;
  View<const float, 1> x;  // (n)
  float b = 0;
  View<float, 1> y;  // (n)  set; may be x
};
inline Work work(const Axpby& op) {
  return {.flops = 3 * numbers(op.x), .bytes = (op.b == 0 ? 1 : 2) * view_bytes(op.x) + view_bytes(op.y)};
}
void axpby(Context& ctx, const Axpby& op);

}  // namespace peer::ops
