#include "peer/ops/block_reduce.cuh"
#include "peer/ops/cuda_twins.h"

namespace peer::ops::cuda {

// A block sums a stretch of x, then one block the stretches, in an order that their number alone decides.
void sum_of_squares(Context& ctx, const SumOfSquares& op) {
  constexpr std::int64_t kStretch = 16384;
  const std::int64_t size = op.x.size(), stretches = blocks_of(size, kStretch);
  double* partial = ctx.scratch<double>(0, stretches);
  for_each_block(ctx, stretches, [=] __device__(std::int64_t b) {
    const std::int64_t end = size < (b + 1) * kStretch ? size : (b + 1) * kStretch;
    double sum = 0;
    for (std::int64_t i = b * kStretch + threadIdx.x; i < end; i += kThreads) sum += static_cast<double>(op.x[i]) * op.x[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) partial[b] = sum;
  });
  for_each_block(ctx, 1, [=] __device__(std::int64_t) {
    double sum = 0;
    for (std::int64_t b = threadIdx.x; b < stretches; b += kThreads) sum += partial[b];
    sum = block_sum(sum);
    if (threadIdx.x == 0) op.sum[0] += sum;
  });
}

}  // namespace peer::ops::cuda
