#include <algorithm>
#include <vector>

#include "peer/device/copy.h"
#include "peer/ops/block_reduce.cuh"
#include "peer/ops/cuda_twins.h"

namespace peer::ops::cuda {

// One number a block of elements comes back to the host, which adds them up in order.
double sum_of_squares(Context& ctx, const SumOfSquares& op) {
  constexpr std::int64_t kBlock = 16384;
  const std::int64_t size = op.x.size(), blocks = (size + kBlock - 1) / kBlock;
  double* partial = ctx.scratch<double>(0, blocks);
  for_each_block(ctx, blocks, [=] __device__(std::int64_t b) {
    const std::int64_t end = size < (b + 1) * kBlock ? size : (b + 1) * kBlock;
    double sum = 0;
    for (std::int64_t i = b * kBlock + threadIdx.x; i < end; i += kThreads) sum += static_cast<double>(op.x[i]) * op.x[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) partial[b] = sum;
  });
  std::vector<double> on_host(static_cast<std::size_t>(blocks));
  copy_bytes(ctx, partial, on_host.data(), blocks * static_cast<std::int64_t>(sizeof(double)));
  double sum = 0;
  for (double part : on_host) sum += part;
  return sum;
}

}  // namespace peer::ops::cuda
