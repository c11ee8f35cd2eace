// How attention's tensor-core kernels share what they read: tiles of bf16 in shared memory, and a warp's products of 16 rows with them.
#pragma once

#include <cstdint>

#include "peer/base/view.h"
#include "peer/ops/head_vector.cuh"
#include "peer/ops/warp_matrix.cuh"

namespace peer::ops::cuda {

// A block takes 64 rows (queries, say) of a head, each of its warps 16 of them.
inline constexpr int kTileWarps = 4, kTileThreads = kTileWarps * kWarp, kTileRows = kTileWarps * kMatrixSide;
constexpr int tiles_of(std::int64_t time) { return static_cast<int>((time + kTileRows - 1) / kTileRows); }

inline constexpr float kLog2E = 1.44269504f;  // exponentials are taken as powers of two, which the card has an instruction for

// kRows vectors rounded to bf16, two numbers in a word. Rows lie 4 words further apart than they are long: an odd multiple of 16 bytes for
// any width that is a multiple of 16, so that the 8 rows of a matrix that ldmatrix reads at a time meet no bank twice.
template <int kRows, int kWidth>
struct alignas(16) Bf16Tile {
  std::uint32_t of[kRows][kWidth / 2 + 4];

  // What the calling lane says to load_matrices for the 16x16 numbers from (row, column) on: matrices 0 and 1 above each other, 2 and 3 to
  // their right.
  __device__ const std::uint32_t* matrices_at(int row, int column) const {
    const int lane = threadIdx.x % kWarp;
    return &of[row + lane % kMatrixSide][column / 2 + lane / kMatrixSide * 4];
  }
};

// The vectors of head h at the times from `first` on.
struct HeadRows {
  const float* vector;
  int apart, count;
  __device__ HeadRows(const View<const float, 4>& x, int b, int first, int h)
      : vector(vector_at(x, b, first, h)), apart(static_cast<int>(x.shape[2] * x.shape[3])), count(static_cast<int>(x.shape[1]) - first) {}
};

// Whose 64 queries a block takes: those of head h from time `first` on, the calling warp those from `query` on, which is row `row` of the
// block's. Blocks with the most keys begin first, so that none of them ends long after the others.
struct QueryShare {
  int b, h, key_head, first, row, query;
  __device__ QueryShare(const View<const float, 4>& q, const View<const float, 4>& k) : row(threadIdx.x / kWarp * kMatrixSide) {
    const int block = blockIdx.x, batch = static_cast<int>(q.shape[0]), heads = static_cast<int>(q.shape[2]);
    b = block / heads % batch, h = block % heads, key_head = h / (heads / static_cast<int>(k.shape[2]));
    first = (tiles_of(q.shape[1]) - 1 - block / heads / batch) * kTileRows, query = first + row;
  }
};

// Zeros behind the last vector. Called by all threads of a block, between two barriers.
template <int kRows, int kWidth>
__device__ void load_tile(Bf16Tile<kRows, kWidth>& tile, const HeadRows& rows) {
  constexpr int kVectors = kWidth / 4;  // of four numbers, in a row
  // Four loads under way at a time: more would take registers from the sums.
#pragma unroll 4
  for (int at = threadIdx.x; at < kRows * kVectors; at += kTileThreads) {
    const int row = at / kVectors, i = at % kVectors;
    const float4 x = row < rows.count ? reinterpret_cast<const float4*>(rows.vector + row * rows.apart)[i] : float4{0, 0, 0, 0};
    *reinterpret_cast<uint2*>(&tile.of[row][2 * i]) = {bf16_pair(x.x, x.y), bf16_pair(x.z, x.w)};
  }
}

// Sixteen rows of a tile as a warp's left matrices, held in registers...
template <int kWidth>
struct HeldRows {
  LeftMatrix matrix[kWidth / kMatrixSide];
  template <int kRows>
  __device__ HeldRows(const Bf16Tile<kRows, kWidth>& tile, int row) {
#pragma unroll
    for (int i = 0; i < kWidth / kMatrixSide; ++i) load_matrices<false>(matrix[i].words, tile.matrices_at(row, i * kMatrixSide));
  }
  __device__ LeftMatrix operator()(int i) const { return matrix[i]; }
};
// ...or left in the tile.
template <int kRows, int kWidth>
struct TileRowsAt {
  const Bf16Tile<kRows, kWidth>& tile;
  int row;
  __device__ LeftMatrix operator()(int i) const {
    LeftMatrix matrix;
    load_matrices<false>(matrix.words, tile.matrices_at(row, i * kMatrixSide));
    return matrix;
  }
};

// Which of a lane's sums: number i of its eight columns j. In its upper row (half 0) or its lower.
struct SumPlace {
  int j, i;
  __device__ int half() const { return i / 2; }
  __device__ int row() const { return threadIdx.x % kWarp / 4 + 8 * half(); }
  __device__ int column() const { return 8 * j + threadIdx.x % 4 * 2 + i % 2; }
};

// (16, kColumns) fp32 sums of a warp, eight columns at a time as mma holds them.
template <int kColumns>
struct WarpSums {
  float of[kColumns / 8][4] = {};
  __device__ float& operator[](SumPlace at) { return of[at.j][at.i]; }
};

// body(place) for each of the calling lane's sums.
template <int kColumns, class Body>
__device__ void for_each_sum(Body body) {
#pragma unroll
  for (int j = 0; j < kColumns / 8; ++j)
#pragma unroll
    for (int i = 0; i < 4; ++i) body(SumPlace{j, i});
}

// Over the four lanes that hold a row's sums.
template <class Combine>
__device__ float row_reduce(float value, Combine combine) {
  for (int distance = 1; distance <= 2; ++distance) value = combine(value, __shfl_xor_sync(0xffffffffu, value, distance));
  return value;
}

// sums(i, j) = <left row i, row first + j of the tile>
template <int kColumns, int kRows, int kWidth, class Left>
__device__ WarpSums<kColumns> dots(const Left& left, const Bf16Tile<kRows, kWidth>& tile, int first) {
  WarpSums<kColumns> sums;
#pragma unroll
  for (int i = 0; i < kWidth / kMatrixSide; ++i) {
    const LeftMatrix matrix = left(i);
#pragma unroll
    for (int j = 0; j < kColumns / 8; j += 2) {
      std::uint32_t right[4];
      load_matrices<false>(right, tile.matrices_at(first + 8 * j, i * kMatrixSide));
      multiply_add(sums.of[j], matrix, right[0], right[2]);
      multiply_add(sums.of[j + 1], matrix, right[1], right[3]);
    }
  }
  return sums;
}

// sums(i, :) += sum_j weights(i, j) * row first + j of the tile, the weights rounded to bf16.
template <int kColumns, int kRows, int kWidth>
__device__ void add_weighted(WarpSums<kWidth>& sums, const WarpSums<kColumns>& weights, const Bf16Tile<kRows, kWidth>& tile, int first) {
#pragma unroll
  for (int i = 0; i < kColumns / 8; i += 2) {
    const auto &near = weights.of[i], &far = weights.of[i + 1];
    const LeftMatrix matrix{bf16_pair(near[0], near[1]), bf16_pair(near[2], near[3]), bf16_pair(far[0], far[1]), bf16_pair(far[2], far[3])};
#pragma unroll
    for (int j = 0; j < kWidth / 8; j += 2) {
      std::uint32_t right[4];
      load_matrices<true>(right, tile.matrices_at(first + 8 * i, 8 * j));
      multiply_add(sums.of[j], matrix, right[0], right[1]);
      multiply_add(sums.of[j + 1], matrix, right[2], right[3]);
    }
  }
}

// scale[half] * sums to the vectors of head h at the times from `first` on that are there.
template <int kWidth>
__device__ void store_rows(const WarpSums<kWidth>& sums, const float (&scale)[2], const View<float, 4>& x, int b, int first, int h) {
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const SumPlace pair{0, 2 * half};
    if (first + pair.row() >= x.shape[1]) continue;
    float* to = vector_at(x, b, first + pair.row(), h) + pair.column();
#pragma unroll
    for (int j = 0; j < kWidth / 8; ++j)
      *reinterpret_cast<float2*>(to + 8 * j) = {scale[half] * sums.of[j][2 * half], scale[half] * sums.of[j][2 * half + 1]};
  }
}

}  // namespace peer::ops::cuda
