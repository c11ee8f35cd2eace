#pragma once

#include <algorithm>
#include <cstdint>

#include "peer/base/view.h"
#include "peer/device/context.h"

namespace peer::ops {

// Token embedding: x[n] += table[id[n]].   Deterministic. Requires: every id in [0, V).
struct Embedding {
  View<const std::int32_t, 1> id;  // (N)     tokens
  View<const float, 2> table;      // (V, D)
  View<float, 2> x;                // (N, D)  added
};
inline Work work(const Embedding& op) {
  return {.flops = numbers(op.x), .bytes = view_bytes(op.id) + std::min(view_bytes(op.table), view_bytes(op.x)) + 2 * view_bytes(op.x)};
}
void embedding(Context& ctx, const Embedding& op);

// dtable[id[n]] += dx[n], summed in the order of n.   Deterministic for any number of threads.
struct EmbeddingBackward {
  View<const std::int32_t, 1> id;  // (N)
  View<const float, 2> dx;         // (N, D)
  View<float, 2> dtable;           // (V, D)  added
};
inline Work work(const EmbeddingBackward& op) {
  return {.flops = numbers(op.dx), .bytes = view_bytes(op.id, op.dx) + 2 * std::min(view_bytes(op.dtable), view_bytes(op.dx))};
}
void embedding_backward(Context& ctx, const EmbeddingBackward& op);

}  // namespace peer::ops
