#pragma once

#include "peer/base/view.h"
#include "peer/device/context.h"

namespace peer::ops {

// sum += sum_i x[i]^2 in double precision, over fixed blocks summed in order: the same bits for any number of threads.
struct SumOfSquares {
  View<const float, 1> x;  // (P)
  View<double, 1> sum;     // (1)  added
};
inline Work work(const SumOfSquares& op) { return {.flops = 2 * numbers(op.x), .bytes = view_bytes(op.x)}; }
void sum_of_squares(Context& ctx, const SumOfSquares& op);

}  // namespace peer::ops
