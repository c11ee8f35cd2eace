#pragma once

#include "peer/ops/kernel_launch.cuh"

namespace peer::ops::cuda {

inline constexpr int kSumLanes = 16;
inline constexpr std::int64_t kRowsOfPart = 256;

// A block takes 32 columns of a part of the rows. Each of its lanes sums every 16th row, and the lanes are added in order.
template <class Term>
__global__ void __launch_bounds__(kWarp* kSumLanes)
    column_parts_kernel(std::int64_t rows, std::int64_t columns, std::int64_t tiles, Term term, double* of_part) {
  __shared__ double of_lane[kSumLanes][kWarp];
  const std::int64_t part = blockIdx.x / tiles, c = blockIdx.x % tiles * kWarp + threadIdx.x;
  const std::int64_t end = (part + 1) * kRowsOfPart < rows ? (part + 1) * kRowsOfPart : rows;
  double sum = 0;
  if (c < columns)
    for (std::int64_t n = part * kRowsOfPart + threadIdx.y; n < end; n += kSumLanes) sum += term(n, c);
  of_lane[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y > 0 || c >= columns) return;
  for (int lane = 1; lane < kSumLanes; ++lane) sum += of_lane[lane][threadIdx.x];
  of_part[part * columns + c] = sum;
}

// finish(c, sum over n < rows of term(n, c)) for every c < columns, in double precision and an order that the shape alone decides: parts of
// the rows by many blocks, then the parts. `scratch` is a slot.
template <class Term, class Finish>
void column_sums(Context& ctx, int scratch, std::int64_t rows, std::int64_t columns, Term term, Finish finish) {
  const std::int64_t parts = blocks_of(rows, kRowsOfPart), tiles = blocks_of(columns, kWarp);
  double* of_part = ctx.scratch<double>(scratch, parts * columns);
  launch(ctx, "column_parts_kernel", column_parts_kernel<Term>, parts * tiles, dim3(kWarp, kSumLanes), rows, columns, tiles, term, of_part);
  for_each_element(ctx, columns, [=] __device__(std::int64_t c) {
    double sum = 0;
    for (std::int64_t part = 0; part < parts; ++part) sum += of_part[part * columns + c];
    finish(c, sum);
  });
}

}  // namespace peer::ops::cuda
