#include <cmath>
#include <limits>

#include "peer/ops/block_reduce.cuh"
#include "peer/ops/cuda_twins.h"
#include "peer/ops/vector_math.h"

namespace peer::ops::cuda {
namespace {

__device__ float largest_of(const float* x, std::int64_t count) {
  float largest = -std::numeric_limits<float>::infinity();
  for (std::int64_t i = threadIdx.x; i < count; i += kThreads) largest = x[i] > largest ? x[i] : largest;
  return block_max(largest);
}

}  // namespace

void cross_entropy(Context& ctx, const CrossEntropy& op) {
  const std::int64_t width = op.logits.shape[1];
  for_each_block(ctx, op.logits.shape[0], [=] __device__(std::int64_t n) {
    const float* logits = op.logits.row(n);
    const std::int32_t target = op.target[n];
    device_require(target < width);
    if (target < 0) {
      if (threadIdx.x == 0) op.nll[n] = 0;
      return;
    }
    const float largest = largest_of(logits, width);
    float sum = 0;
    for (std::int64_t i = threadIdx.x; i < width; i += kThreads) sum += polynomial_exp(logits[i] - largest);
    sum = block_sum(sum);
    if (threadIdx.x == 0) op.nll[n] = std::log(sum) + (largest - logits[target]);
  });
}

void cross_entropy_with_gradient(Context& ctx, const CrossEntropyWithGradient& op) {
  const std::int64_t width = op.logits.shape[1];
  for_each_block(ctx, op.logits.shape[0], [=] __device__(std::int64_t n) {
    float* logits = op.logits.row(n);
    const std::int32_t target = op.target[n];
    device_require(target < width);
    if (target < 0) {
      for (std::int64_t i = threadIdx.x; i < width; i += kThreads) logits[i] = 0;
      if (threadIdx.x == 0) op.nll[n] = 0;
      return;
    }
    const float target_logit = logits[target];  // read by all before the barriers below, written by one after them
    const float largest = largest_of(logits, width);
    float sum = 0;
    for (std::int64_t i = threadIdx.x; i < width; i += kThreads) sum += logits[i] = polynomial_exp(logits[i] - largest);
    sum = block_sum(sum);
    if (threadIdx.x == 0) op.nll[n] = std::log(sum) + (largest - target_logit);
    const float weight = op.scale / sum;
    for (std::int64_t i = threadIdx.x; i < width; i += kThreads) logits[i] = logits[i] * weight - (i == target ? op.scale : 0.0f);
  });
}

}  // namespace peer::ops::cuda
