#pragma once

#include "peer/ops/kernel_launch.cuh"

namespace peer::ops::cuda {

inline constexpr int kSumLanes = 16;

// A block takes 32 columns. Each of its lanes sums every 16th row, and the lanes are added in order.
template <class Term, class Finish>
__global__ void __launch_bounds__(kWarp* kSumLanes) column_sums_kernel(std::int64_t rows, std::int64_t columns, Term term, Finish finish) {
  __shared__ double of_lane[kSumLanes][kWarp];
  const std::int64_t c = static_cast<std::int64_t>(blockIdx.x) * kWarp + threadIdx.x;
  double sum = 0;
  if (c < columns)
    for (std::int64_t n = threadIdx.y; n < rows; n += kSumLanes) sum += term(n, c);
  of_lane[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y > 0 || c >= columns) return;
  for (int lane = 1; lane < kSumLanes; ++lane) sum += of_lane[lane][threadIdx.x];
  finish(c, sum);
}

// finish(c, sum over n < rows of term(n, c)) for every c < columns, in double precision and an order that the shape alone decides.
template <class Term, class Finish>
void column_sums(Context& ctx, std::int64_t rows, std::int64_t columns, Term term, Finish finish) {
  launch(ctx, "column_sums_kernel", column_sums_kernel<Term, Finish>, blocks_of(columns, kWarp), dim3(kWarp, kSumLanes), rows, columns,
         term, finish);
}

}  // namespace peer::ops::cuda
