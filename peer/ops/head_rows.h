// Where the numbers of one head lie in a (B, T, heads, d) tensor: rows that are too far apart for the machine to guess the next, so that
// they are asked for ahead; not too far ahead, because rows at distances of powers of two share few places in a cache.
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
// Rows [first, end) are asked for, to be read or written.
template <class T>
void ask_for_rows(TileRows<T> x, std::int64_t first, std::int64_t end, std::int64_t width) {
  for (std::int64_t r = first; r < end; ++r)
    for (std::int64_t i = 0; i < width; i += kCacheLineFloats) ask_for_line(x.row(r) + i);
}

}  // namespace PEER_VECTORS
}  // namespace peer::ops
