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
// Rows [first, end) are asked for, to be read or written. Always inline: GCC takes a function that does nothing but this for one without
// effect, and leaves its calls out.
template <class T>
[[gnu::always_inline]] inline void ask_for_rows(TileRows<T> x, std::int64_t first, std::int64_t end, std::int64_t width) {
  for (std::int64_t r = first; r < end; ++r)
    for (std::int64_t i = 0; i < width; i += kCacheLineFloats) ask_for_line(x.row(r) + i);
}

// The same for `count` rows of head h from `first` on; those beyond its last are the first of the next head.
template <class T>
[[gnu::always_inline]] inline void ask_ahead(const View<T, 4>& x, std::int64_t b, std::int64_t h, std::int64_t first, std::int64_t count) {
  const std::int64_t time = x.shape[1], width = x.shape[3];
  if (first < time)
    ask_for_rows(head_rows(x, b, h), first, std::min(first + count, time), width);
  else
    ask_for_rows(next_head_rows(x, b, h), first - time, std::min(first - time + count, time), width);
}

}  // namespace PEER_VECTORS
}  // namespace peer::ops
