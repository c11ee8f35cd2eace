// Rows of numbers, which lie far apart in memory, as the operands of tile_product.h: side by side, in steps, filled up with zeros.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "peer/ops/lane_shuffles.h"
#include "peer/ops/tile_product.h"

namespace peer::ops {
inline namespace PEER_VECTORS {

// The first `count` of a vector's numbers, then zeros.
inline VectorLanes load_part(const float* data, std::int64_t count) {
  if (count >= kVectorLanes) return load_lanes(data);
  VectorLanes lanes = {};
  if (count > 0) std::memcpy(&lanes, data, static_cast<std::size_t>(count) * sizeof(float));
  return lanes;
}

// to = factor * from
inline void store_scaled(const float* from, float factor, std::int64_t count, float* to) {
  std::int64_t i = 0;
  for (; i + kVectorLanes <= count; i += kVectorLanes) store_lanes(to + i, load_lanes(from + i) * factor);
  for (; i < count; ++i) to[i] = from[i] * factor;
}

// Queries and keys whose scores stay in the first level of cache: whole tiles of rows and whole panels of columns.
inline constexpr std::int64_t kBlockRows = kVectorBytes == 64 ? 64 : 48;
inline std::int64_t padded_rows(std::int64_t rows) { return (rows + kBlockRows - 1) / kBlockRows * kBlockRows; }
static_assert(kBlockRows % kTileRows == 0 && kBlockRows % kTileColumns == 0);

// Steps [first, first + kVectorLanes) of a row of `width` numbers.
template <class Steps>
VectorLanes steps_of_row(const float* row, std::int64_t width, std::int64_t first) {
  VectorLanes numbers[Steps::kNumbers];
  for (std::int64_t n = 0; n < Steps::kNumbers; ++n) {
    const std::int64_t column = first * Steps::kNumbers + n * kVectorLanes;
    numbers[n] = load_part(row + column, width - column);
  }
  return Steps::of_neighbours(numbers);
}

// Steps along the rows: (all, row_steps(width)); of x (rows, width), rows beyond those up to `all` are zeros.
template <class Steps>
std::int64_t row_steps(std::int64_t width) {
  return whole_vectors(Steps::count(width));
}
template <class Steps>
void pack_along(TileRows<const float> x, std::int64_t rows, std::int64_t all, std::int64_t width, Step* to) {
  const std::int64_t steps = row_steps<Steps>(width);
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t s = 0; s < steps; s += kVectorLanes) store_lanes(to + r * steps + s, steps_of_row<Steps>(x.row(r), width, s));
  std::fill(to + rows * steps, to + all * steps, Step{0});
}

// Steps across the rows: (Steps::count(all), whole_vectors(width)).
template <class Steps>
void pack_across(TileRows<const float> x, std::int64_t rows, std::int64_t all, std::int64_t width, Step* to) {
  const std::int64_t columns = whole_vectors(width);
  for (std::int64_t r = 0; r < all; r += Steps::kNumbers, to += columns)
    for (std::int64_t i = 0; i < columns; i += kVectorLanes) {
      VectorLanes numbers[Steps::kNumbers] = {};
      for (std::int64_t n = 0; n < Steps::kNumbers && r + n < rows; ++n) numbers[n] = load_part(x.row(r + n) + i, width - i);
      store_lanes(to + i, Steps::of_rows(numbers));
    }
}

// The transpose in panels of kTileColumns rows of x: each (Steps::count(width), kTileColumns). all: a multiple of kTileColumns.
template <class Steps>
void pack_panels(TileRows<const float> x, std::int64_t rows, std::int64_t all, std::int64_t width, Step* panels) {
  const std::int64_t steps = Steps::count(width);
  for (std::int64_t first = 0; first < all; first += kVectorLanes) {
    Step* panel = panels + first / kTileColumns * kTileColumns * steps + first % kTileColumns;
    for (std::int64_t s = 0; s < steps; s += kVectorLanes) {
      VectorLanes square[kVectorLanes];
      const std::int64_t here = rows - first, there = steps - s;
#pragma GCC unroll 16
      for (std::int64_t r = 0; r < kVectorLanes; ++r)
        square[r] = r < here ? steps_of_row<Steps>(x.row(first + r), width, s) : VectorLanes{};
      transpose_lanes(square);
#pragma GCC unroll 16
      for (std::int64_t i = 0; i < kVectorLanes; ++i)
        if (i < there) store_lanes(panel + (s + i) * kTileColumns, square[i]);
    }
  }
}

}  // namespace PEER_VECTORS
}  // namespace peer::ops
