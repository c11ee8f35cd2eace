#pragma once

#include <algorithm>
#include <cstdint>

#include "peer/base/view.h"
#include "peer/device/context.h"

namespace peer::ops {

// Expert-major half of expert_mix's backward, for the segments [first, first + C) of a row_order:
//   ddown[u] = sum_s dhidden[s] x[token(s)],   dup[u] = sum_s up_weight[s] dy[token(s)],   token(s) = s / R, in the order of row_order
// A row is summed in an order that the segment alone decides: the same bits for any number of threads.
struct ExpertRowGradient {
  View<const float, 2> x;             // (N, D)
  View<const float, 2> dy;            // (N, D)
  View<const float, 2> dhidden;       // (N, R)
  View<const float, 2> up_weight;     // (N, R)
  View<const std::int32_t, 1> order;  // (N*R)
  View<const std::int32_t, 1> begin;  // (U+1)
  std::int64_t first = 0;             // first segment of the chunk
  View<float, 2> gradient;            // (C, 2D)  set: [ddown | dup] of segment first + c
};
inline Work work(const ExpertRowGradient& op) {
  const std::int64_t width = op.x.shape[1];
  const auto picks = static_cast<double>(op.begin[op.first + op.gradient.shape[0]] - op.begin[op.first]);
  return {.flops = picks * 4 * static_cast<double>(width),
          .bytes = picks * 3 * sizeof(float) + 2 * std::min(view_bytes(op.x), picks * static_cast<double>(width) * sizeof(float)) +
                   view_bytes(op.gradient)};
}
void expert_row_gradient(Context& ctx, const ExpertRowGradient& op);

}  // namespace peer::ops
