#pragma once

#include <cstdint>

#include "peer/base/view.h"
#include "peer/device/context.h"

namespace peer::ops {

// Causal grouped-query attention of new tokens over a cache that already holds their keys and values:
//   y[b,t,h] = sum_{s<=P+t} softmax_s(<q[b,t,h], key[b,s,g]> / sqrt(d)) value[b,s,g],   P = first_position, g = h / (Hq/Hkv)
// For generating text: attention() of a whole window gives the same numbers up to rounding. Nothing is saved for a backward.
// Deterministic for any number of threads.   Requires: Hq a multiple of Hkv; P + T <= C.
struct CachedAttention {
  View<const float, 4> q;      // (B, T, Hq, d)  the new tokens' queries
  View<const float, 4> key;    // (B, C, Hkv, d)  rows [0, P + T) are read
  View<const float, 4> value;  // (B, C, Hkv, d)
  std::int64_t first_position = 0;
  View<float, 4> y;  // (B, T, Hq, d)  set
};
inline Work work(const CachedAttention& op) {
  const auto time = static_cast<double>(op.q.shape[1]), read = static_cast<double>(op.first_position) + time;
  const double pairs = static_cast<double>(op.q.shape[0] * op.q.shape[2]) * time * (read - 0.5 * (time - 1));
  return {.flops = (4 * static_cast<double>(op.q.shape[3]) + 5) * pairs,
          .bytes = view_bytes(op.q, op.y) + view_bytes(op.key, op.value) * read / static_cast<double>(op.key.shape[1])};
}
void cached_attention(Context& ctx, const CachedAttention& op);

}  // namespace peer::ops
