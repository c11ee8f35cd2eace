// Where the numbers of one head lie in a (B, T, heads, d) tensor: rows that are too far apart for the machine to guess the next, so that
// those of the head that comes next are asked for while one is worked on.
#pragma once

#include <algorithm>
#include <cstdint>

#include "peer/base/view.h"
#include "peer/ops/row_kernels.h"
#include "peer/ops/tile_product.h"

namespace peer::ops {
inline namespace PEER_VECTORS {

// The (T, d) matrix of batch b and head h.
template <class T>
TileRows<T> head_rows(const View<T, 4>& x, std::int64_t b, std::int64_t h) {
  const auto [batch, time, heads, width] = x.shape;
  return {x.data + (b * time * heads + h) * width, heads * width};
}
template <class T>
TileRows<T> next_head_rows(const View<T, 4>& x, std::int64_t b, std::int64_t h) {
  const std::int64_t next = std::min(b * x.shape[2] + h + 1, x.shape[0] * x.shape[2] - 1);
  return head_rows(x, next / x.shape[2], next % x.shape[2]);
}
inline void ask_for_rows(const TileRows<const float>& x, std::int64_t first, std::int64_t count, std::int64_t width) {
  for (std::int64_t r = first; r < first + count; ++r)
    for (std::int64_t i = 0; i < width; i += kCacheLineFloats) ask_for_line(x.row(r) + i);
}

}  // namespace PEER_VECTORS
}  // namespace peer::ops
