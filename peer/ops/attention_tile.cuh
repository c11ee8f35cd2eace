// How attention's kernels share what they read: a block of threads meets 32 rows (queries, say) with 32 others (keys) at a time. A warp
// takes 4 of the rows, a lane one of the others.
#pragma once

#include <cstdint>

#include "peer/ops/head_vector.cuh"

namespace peer::ops::cuda {

inline constexpr int kTile = kWarp, kRows = kTile / kWarps, kColumns = 64;

// 64 columns of 32 vectors. One more column apart, so that lanes which read a column of all of them meet no bank twice.
using TileColumns = float[kTile][kColumns + 1];

// vector_at(row) is null for a row that is not there, which counts as zeros.
template <class VectorAt>
__device__ void load_columns(TileColumns& tile, std::int64_t first, std::int64_t width, VectorAt vector_at) {
  for (int at = threadIdx.x; at < kTile * kColumns; at += kThreads) {
    const int row = at / kColumns, column = at % kColumns;
    const float* vector = vector_at(row);
    tile[row][column] = vector != nullptr && first + column < width ? vector[first + column] : 0.0f;
  }
}

// product[r] = <row_at(4 w + r), other_at(lane)> for the calling thread's warp w and lane. Called by all threads of a block.
template <class RowAt, class OtherAt>
__device__ void tile_products(std::int64_t width, RowAt row_at, OtherAt other_at, float (&product)[kRows]) {
  __shared__ TileColumns rows, others;
  const int lane = threadIdx.x % kWarp, first_row = threadIdx.x / kWarp * kRows;
  for (float& p : product) p = 0;
  for (std::int64_t first = 0; first < width; first += kColumns) {
    load_columns(rows, first, width, row_at);
    load_columns(others, first, width, other_at);
    __syncthreads();
    for (int i = 0; i < kColumns; ++i)
      for (int r = 0; r < kRows; ++r) product[r] += rows[first_row + r][i] * others[lane][i];
    __syncthreads();  // all have read the tiles that are loaded next
  }
}

// A weight of each of a warp's 4 rows for each of the 32 others.
struct TileWeights {
  float of[kRows][kTile];
};

// y[r] += sum_j weights.of[r][j] vector_at(j) over the vectors that are there, by the calling warp, whose lanes have set their weights.
template <class VectorAt>
__device__ void add_weighted(Spread (&y)[kRows], const TileWeights& weights, std::int64_t width, int lane, VectorAt vector_at) {
  for (int j = 0; j < kTile; ++j) {
    const float* vector = vector_at(j);
    if (vector == nullptr) continue;
    const Spread x = load(vector, width, lane);
    for (int r = 0; r < kRows; ++r) blend(y[r], 1, weights.of[r][j], x);
  }
}

// The calling warp's own, numbered 0 or 1. Written between two calls of __syncwarp().
__device__ inline TileWeights& warp_weights(int number) {
  __shared__ TileWeights weights[kWarps][2];
  return weights[threadIdx.x / kWarp][number];
}

}  // namespace peer::ops::cuda
