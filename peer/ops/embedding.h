#pragma once

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
void embedding(Context& ctx, const Embedding& op);

// dtable[id[n]] += dx[n], summed in the order of n.   Deterministic for any number of threads.
struct EmbeddingBackward {
  View<const std::int32_t, 1> id;  // (N)
  View<const float, 2> dx;         // (N, D)
  View<float, 2> dtable;           // (V, D)  added
};
void embedding_backward(Context& ctx, const EmbeddingBackward& op);

}  // namespace peer::ops
