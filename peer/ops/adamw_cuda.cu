#include <cmath>

#include "peer/ops/block_reduce.cuh"
#include "peer/ops/cuda_twins.h"
#include "peer/ops/kernel_launch.cuh"

namespace peer::ops::cuda {
namespace {

constexpr std::int64_t kNumbersPerBlock = 16 * kThreads, kRowsPerBlock = 4 * kWarps;

// What all numbers of a tensor share at a step.
struct TensorStep {
  float gradient_scale, rate, root_scale, decay;

  __device__ explicit TensorStep(const Adamw& op) {
    const AdamwRates& rates = op.rates;
    const double step = static_cast<double>(op.now->step), norm = op.clip > 0 ? std::sqrt(op.squares[0]) : 0;
    const float learning_rate = op.now->rate(rates.learning_rate);
    gradient_scale = norm > op.clip ? static_cast<float>(op.clip / norm) : 1.0f;
    rate = static_cast<float>(learning_rate / (1.0 - std::pow(double{rates.beta1}, step)));
    root_scale = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(double{rates.beta2}, step)));
    decay = learning_rate * rates.weight_decay;
  }
};

}  // namespace

// The powers are in double precision: one thread of a block computes them. Of a lazy tensor a warp takes one row after another.
void adamw(Context& ctx, const Adamw& op) {
  const std::int64_t size = op.weight.shape[0], row = op.lazy_row, rows = row > 0 ? size / row : 0;
  const std::int64_t blocks = row > 0 ? blocks_of(rows, kRowsPerBlock) : blocks_of(size, kNumbersPerBlock);
  for_each_block(ctx, blocks, [=] __device__(std::int64_t block) {
    __shared__ float shared[4];
    if (threadIdx.x == 0) {
      const TensorStep step(op);
      shared[0] = step.gradient_scale, shared[1] = step.rate, shared[2] = step.root_scale, shared[3] = step.decay;
    }
    __syncthreads();
    const float gradient_scale = shared[0], rate = shared[1], root_scale = shared[2], decay = shared[3];
    const AdamwRates& rates = op.rates;
    const auto update = [&](std::int64_t i) {
      const float g = op.gradient[i] * gradient_scale;
      const float m = rates.beta1 * op.m[i] + (1.0f - rates.beta1) * g;
      const float v = rates.beta2 * op.v[i] + (1.0f - rates.beta2) * (g * g);
      op.m[i] = m, op.v[i] = v;
      op.weight[i] -= rate * m / (std::sqrt(v) * root_scale + rates.epsilon) + decay * op.weight[i];
    };
    if (row == 0) {
      const std::int64_t end = (block + 1) * kNumbersPerBlock < size ? (block + 1) * kNumbersPerBlock : size;
      for (std::int64_t i = block * kNumbersPerBlock + threadIdx.x; i < end; i += kThreads) update(i);
    } else {
      const int lane = threadIdx.x % kWarp;
      const std::int64_t end = (block + 1) * kRowsPerBlock < rows ? (block + 1) * kRowsPerBlock : rows;
      for (std::int64_t r = block * kRowsPerBlock + threadIdx.x / kWarp; r < end; r += kWarps) {
        bool touched = false;
        for (std::int64_t i = lane; i < row; i += kWarp) touched |= op.gradient[r * row + i] != 0;
        if (__ballot_sync(kAllLanes, touched) == 0) continue;
        for (std::int64_t i = lane; i < row; i += kWarp) update(r * row + i);
      }
    }
  });
}

}  // namespace peer::ops::cuda
