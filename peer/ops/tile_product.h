// C = A B or C += A B of small matrices that lie in the caches, by a micro-kernel whose sums stay in registers. The rows of B and C are
// contiguous; A is read number by number, so it may lie transposed. Sums run over rising steps: a row of C depends on nothing but its row
// of A and B.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "peer/ops/vector_bytes.h"

namespace peer::ops {
inline namespace PEER_VECTORS {

// As many sums as hide the latency of a product and leave registers for the operands.
inline constexpr std::int64_t kTileRows = kVectorBytes == 64 ? 8 : 6, kTileVectors = 2, kTileColumns = kTileVectors * kVectorLanes;

// A(r, s) = data[r * row + s * step]
struct TileOperand {
  const float* data;
  std::int64_t row, step = 1;
};
// Rows of contiguous numbers.
template <class T>
struct TileRows {
  T* data;
  std::int64_t stride;
  T* row(std::int64_t r) const { return data + r * stride; }
};

// Of C the first `rows` rows (at most kTileRows) and Vectors vectors of columns.
template <int Vectors>
[[gnu::noinline]] void tile_product(const TileOperand& a, std::int64_t rows, std::int64_t steps, const TileRows<const float>& b,
                                    const TileRows<float>& c, bool add) {
  const float* of_row[kTileRows];
  for (std::int64_t r = 0; r < kTileRows; ++r) of_row[r] = a.data + std::min(r, rows - 1) * a.row;  // rows past the last repeat it
  VectorLanes sums[kTileRows][Vectors] = {};
  for (std::int64_t s = 0; s < steps; ++s) {
    VectorLanes part[Vectors];
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) part[v] = load_lanes(b.row(s) + v * kVectorLanes);
#pragma GCC unroll 8
    for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) sums[r][v] += of_row[r][s * a.step] * part[v];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kTileRows; ++r) {
    if (r >= rows) break;
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) {
      float* to = c.row(r) + v * kVectorLanes;
      const VectorLanes sum = add ? load_lanes(to) + sums[r][v] : sums[r][v];
      std::memcpy(to, &sum, sizeof sum);
    }
  }
}

// A (rows, steps), B (steps, columns), C (rows, columns) set, or added to.
inline void small_product(const TileOperand& a, std::int64_t rows, std::int64_t steps, const TileRows<const float>& b, std::int64_t columns,
                          const TileRows<float>& c, bool add) {
  for (std::int64_t r = 0; r < rows; r += kTileRows) {
    const std::int64_t count = std::min(kTileRows, rows - r);
    const TileOperand a_rows{a.data + r * a.row, a.row, a.step};
    const auto b_at = [&](std::int64_t column) { return TileRows<const float>{b.data + column, b.stride}; };
    const auto c_at = [&](std::int64_t column) { return TileRows<float>{c.row(r) + column, c.stride}; };
    std::int64_t column = 0;
    for (; column + kTileColumns <= columns; column += kTileColumns)
      tile_product<kTileVectors>(a_rows, count, steps, b_at(column), c_at(column), add);
    for (; column + kVectorLanes <= columns; column += kVectorLanes) tile_product<1>(a_rows, count, steps, b_at(column), c_at(column), add);
    for (; column < columns; ++column)
      for (std::int64_t i = 0; i < count; ++i) {
        float sum = 0;
        for (std::int64_t s = 0; s < steps; ++s) sum += a_rows.data[i * a.row + s * a.step] * b.row(s)[column];
        float& to = c.row(r + i)[column];
        to = add ? to + sum : sum;
      }
  }
}

// The transpose of a matrix, (width, rows) in panels of kTileColumns columns, each (width, kTileColumns) and contiguous, the last one
// filled up with zeros: what many products with the same B read in order.
inline std::int64_t panels_of(std::int64_t rows) { return (rows + kTileColumns - 1) / kTileColumns; }
inline std::int64_t panel_numbers(std::int64_t rows, std::int64_t width) { return panels_of(rows) * kTileColumns * width; }
inline void pack_transposed(const TileRows<const float>& x, std::int64_t rows, std::int64_t width, float* panels) {
  for (std::int64_t p = 0; p < panels_of(rows); ++p) {
    float* panel = panels + p * kTileColumns * width;
    const std::int64_t here = std::min(kTileColumns, rows - p * kTileColumns);
    if (here < kTileColumns) std::fill_n(panel, kTileColumns * width, 0.0f);
    for (std::int64_t r = 0; r < here; ++r) {
      const float* from = x.row(p * kTileColumns + r);
      for (std::int64_t i = 0; i < width; ++i) panel[i * kTileColumns + r] = from[i];
    }
  }
}

// C (rows <= kTileRows, first `columns` columns and those of the last panel behind them) = A times the matrix in the panels.
inline void panel_product(const TileOperand& a, std::int64_t rows, std::int64_t width, const float* panels, std::int64_t columns,
                          const TileRows<float>& c) {
  for (std::int64_t p = 0; p < panels_of(columns); ++p)
    tile_product<kTileVectors>(a, rows, width, {panels + p * kTileColumns * width, kTileColumns}, {c.data + p * kTileColumns, c.stride},
                               false);
}

}  // namespace PEER_VECTORS
}  // namespace peer::ops
