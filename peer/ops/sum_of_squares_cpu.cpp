#include <algorithm>

#include "peer/ops/cpu_twins.h"

namespace peer::ops::cpu {
namespace {

// One block's partial sum. A block is a fixed number of elements, so its bits do not depend on who computes it.
constexpr std::int64_t kBlock = 16384;

double block_sum(const float* x, std::int64_t count) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return sum;
}

}  // namespace

void sum_of_squares(Context& ctx, const SumOfSquares& op) {
  const std::int64_t size = op.x.size(), blocks = (size + kBlock - 1) / kBlock;
  double* partial = ctx.scratch<double>(0, blocks);
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t b = 0; b < blocks; ++b) partial[b] = block_sum(op.x.data + b * kBlock, std::min(kBlock, size - b * kBlock));
  double sum = 0;
  for (std::int64_t b = 0; b < blocks; ++b) sum += partial[b];
  op.sum[0] += sum;
}

}  // namespace peer::ops::cpu
