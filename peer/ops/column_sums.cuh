// Kernels over the columns of a (rows, columns) tensor: what is known of a column is read once for many rows.
#pragma once

#include "peer/ops/lane_numbers.cuh"

namespace peer::ops::cuda {

inline constexpr int kRowLanes = 16;  // of a block: each takes every 16th row of its part
inline constexpr std::int64_t kRowsOfPart = 256;

// The rows that a thread takes of a part: first, first + kRowLanes, ...
struct RowsOfPart {
  std::int64_t first, end;
};

__device__ inline RowsOfPart rows_of_part(std::int64_t part, std::int64_t rows) {
  const std::int64_t end = (part + 1) * kRowsOfPart;
  return {part * kRowsOfPart + threadIdx.y, end < rows ? end : rows};
}

// Where a thread of a block begins: blocks go through the tiles of 32 * kNumbers columns of a part, then through the parts.
template <int kNumbers>
__device__ std::int64_t first_column(unsigned tiles) {
  return static_cast<std::int64_t>(blockIdx.x % tiles * kWarp + threadIdx.x) * kNumbers;
}

template <int kNumbers>
unsigned tiles_of(std::int64_t columns) {
  return static_cast<unsigned>(blocks_of(columns, kWarp * kNumbers));
}

template <int kNumbers, class Body>
__global__ void __launch_bounds__(kWarp* kRowLanes) columns_kernel(std::int64_t rows, std::int64_t columns, unsigned tiles, Body body) {
  const std::int64_t c = first_column<kNumbers>(tiles);
  if (c < columns) body(c, rows_of_part(blockIdx.x / tiles, rows));
}

// body(c, rows) for every kNumbers columns from c on of every part of the rows, by one thread each.
template <int kNumbers, class Body>
void for_each_columns(Context& ctx, std::int64_t rows, std::int64_t columns, Body body) {
  const unsigned tiles = tiles_of<kNumbers>(columns);
  launch(ctx, "columns_kernel", columns_kernel<kNumbers, Body>, blocks_of(rows, kRowsOfPart) * tiles, dim3(kWarp, kRowLanes), rows, columns,
         tiles, body);
}

// What column_sums adds up: kSums sums of each of kNumbers columns.
template <int kSums, int kNumbers>
using ColumnSums = double[kSums][kNumbers];

// Each thread sums its rows, and the lanes of a part are added in order.
template <int kSums, int kNumbers, class Add>
__global__ void __launch_bounds__(kWarp* kRowLanes)
    column_parts_kernel(std::int64_t rows, std::int64_t columns, unsigned tiles, Add add, double* of_part) {
  static_assert(kSums * kNumbers <= kRowLanes);
  __shared__ double of_lane[kSums * kNumbers][kRowLanes][kWarp];
  const std::int64_t part = blockIdx.x / tiles, parts = gridDim.x / tiles, c = first_column<kNumbers>(tiles);
  const RowsOfPart own = rows_of_part(part, rows);
  ColumnSums<kSums, kNumbers> sum{};
  if (c < columns)
    for (std::int64_t n = own.first; n < own.end; n += kRowLanes) add(n, c, sum);
#pragma unroll
  for (int i = 0; i < kSums * kNumbers; ++i) of_lane[i][threadIdx.y][threadIdx.x] = sum[i / kNumbers][i % kNumbers];
  __syncthreads();
  const int i = static_cast<int>(threadIdx.y);  // of the sums: each is one warp's
  if (i >= kSums * kNumbers || c >= columns) return;
  double total = 0;
  for (int lane = 0; lane < kRowLanes; ++lane) total += of_lane[i][lane][threadIdx.x];
  of_part[(i / kNumbers * parts + part) * columns + c + i % kNumbers] = total;
}

// finish(c, sums) for every c < columns, `sums` the kSums totals over the rows of what add(n, c, sum) adds to the ColumnSums of columns
// c .. c + kNumbers - 1, in double precision and an order that the shape alone decides: parts of the rows by many blocks, then the parts.
// `scratch` is a slot. Columns are a multiple of kNumbers.
template <int kSums, int kNumbers, class Add, class Finish>
void column_sums(Context& ctx, int scratch, std::int64_t rows, std::int64_t columns, Add add, Finish finish) {
  const std::int64_t parts = blocks_of(rows, kRowsOfPart);
  const unsigned tiles = tiles_of<kNumbers>(columns);
  double* of_part = ctx.scratch<double>(scratch, kSums * parts * columns);
  launch(ctx, "column_parts_kernel", column_parts_kernel<kSums, kNumbers, Add>, parts * tiles, dim3(kWarp, kRowLanes), rows, columns, tiles,
         add, of_part);
  for_each_warp(ctx, columns, [=] __device__(std::int64_t c, int lane) {
    double sums[kSums];
    for (int s = 0; s < kSums; ++s) {
      double sum = 0;
      for (std::int64_t part = lane; part < parts; part += kWarp) sum += of_part[(s * parts + part) * columns + c];
      sums[s] = warp_sum(sum);
    }
    if (lane == 0) finish(c, sums);
  });
}

}  // namespace peer::ops::cuda
