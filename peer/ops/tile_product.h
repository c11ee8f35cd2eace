// C = A B or C += A B of small matrices that lie in the caches, by a micro-kernel whose sums stay in registers. The rows of B and C are
// contiguous and whole vectors; A is read step by step, so it may lie transposed. Sums run over rising steps: a row of C depends on nothing
// but its row of A and B.
#pragma once

#include <algorithm>
#include <cstdint>

#include "peer/ops/product_steps.h"

namespace peer::ops {
inline namespace PEER_VECTORS {

// As many sums as hide the latency of a product and leave registers for the operands.
inline constexpr std::int64_t kTileRows = kVectorBytes == 64 ? 8 : 6, kTileVectors = 2, kTileColumns = kTileVectors * kVectorLanes;

// A(r, s) = data[r * row + s * step]
struct TileOperand {
  const Step* data;
  std::int64_t row, step = 1;
};
// Rows of contiguous numbers or steps.
template <class T>
struct TileRows {
  T* data;
  std::int64_t stride;
  T* row(std::int64_t r) const { return data + r * stride; }
  TileRows from(std::int64_t r) const { return {row(r), stride}; }
};

// kTileRows rows of C and Vectors vectors of its columns.
template <class Steps, int Vectors>
[[gnu::noinline]] void tile_product(TileOperand a, std::int64_t steps, TileRows<const Step> b, TileRows<float> c, bool add) {
  VectorLanes sums[kTileRows][Vectors] = {};
  for (std::int64_t s = 0; s < steps; ++s) {
    VectorLanes part[Vectors];
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) part[v] = load_lanes(b.row(s) + v * kVectorLanes);
#pragma GCC unroll 8
    for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) sums[r][v] = Steps::add_products(sums[r][v], load_step(a.data + r * a.row + s * a.step), part[v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) {
      float* to = c.row(r) + v * kVectorLanes;
      store_lanes(to, add ? load_lanes(to) + sums[r][v] : sums[r][v]);
    }
  }
}

// C (kTileRows, columns) set, or added to; A (kTileRows, steps), B (steps, columns), columns of whole vectors.
template <class Steps>
void tile_row_product(TileOperand a, std::int64_t steps, TileRows<const Step> b, std::int64_t columns, TileRows<float> c, bool add) {
  std::int64_t column = 0;
  for (; column + kTileColumns <= columns; column += kTileColumns)
    tile_product<Steps, kTileVectors>(a, steps, {b.data + column, b.stride}, {c.data + column, c.stride}, add);
  if (column < columns) tile_product<Steps, 1>(a, steps, {b.data + column, b.stride}, {c.data + column, c.stride}, add);
}

// The same with B in panels of kTileColumns columns, each (steps, kTileColumns) and contiguous: what many products with the same B read in
// order. C is set.
template <class Steps>
void panel_product(TileOperand a, std::int64_t steps, const Step* panels, std::int64_t columns, TileRows<float> c) {
  for (std::int64_t column = 0; column < columns; column += kTileColumns)
    tile_row_product<Steps>(a, steps, {panels + column * steps, kTileColumns}, std::min(kTileColumns, columns - column),
                            {c.data + column, c.stride}, false);
}

}  // namespace PEER_VECTORS
}  // namespace peer::ops
