#include <cmath>

#include "peer/ops/block_reduce.cuh"
#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/row_rounding.h"

namespace peer::ops::cuda {
namespace {

// The factor that shortens a gradient to the norm `clip`. A norm that is not finite passes through and shows in the weights.
__device__ float clip_factor(const float* gradient, std::int64_t count, float clip) {
  if (clip <= 0) return 1;
  float squares = 0;
  for (std::int64_t i = threadIdx.x; i < count; i += kThreads) squares += gradient[i] * gradient[i];
  const float norm = std::sqrt(block_sum(squares));
  return norm > clip ? clip / norm : 1.0f;
}

// A block takes a record: w, m, v (2D each) and the step count behind them.
template <class Number>
void update(Context& ctx, const AdamwRows& op) {
  for_each_block(ctx, op.expert.shape[0], [=] __device__(std::int64_t c) {
    const AdamwRates& rates = op.rates;
    const std::int64_t expert = op.expert[c], count = 2 * op.rows.width;
    if (expert < 0) return;  // an empty segment of row_order
    device_require(expert >= 0 && expert < op.rows.count);
    const ExpertPage& page = op.rows.page_of(expert);
    if (!page.trainable) return;
    device_require(page.dirty != nullptr && page.stride > op.rows.parameter_bytes() + 2 * count * static_cast<std::int64_t>(sizeof(float)));
    const float* gradient = op.gradient.row(c);
    Number* w = op.rows.parameters<Number>(expert);
    float *m = op.rows.state<Number>(expert), *v = m + count, *steps = v + count;
    const RowRounding rounding(op.rounding, expert);
    const float scale = clip_factor(gradient, count, op.clip), t = *steps + 1;
    __syncthreads();  // every thread has read the step count
    if (threadIdx.x == 0) {
      *steps = t;
      *page.dirty = true;  // blocks that share a page write the same value
    }
    const float rate = rates.learning_rate / (1 - std::pow(rates.beta1, t)), correction = 1 / (1 - std::pow(rates.beta2, t));
    const float keep = 1 - rates.learning_rate * rates.weight_decay;
    for (std::int64_t i = threadIdx.x; i < count; i += kThreads) {
      const float g = gradient[i] * scale;
      m[i] = rates.beta1 * m[i] + (1 - rates.beta1) * g;
      v[i] = rates.beta2 * v[i] + (1 - rates.beta2) * g * g;
      rounding.store(w[i], keep * w[i] - rate * m[i] / (std::sqrt(v[i] * correction) + rates.epsilon), static_cast<std::uint32_t>(i));
    }
  });
}

}  // namespace

void adamw_rows(Context& ctx, const AdamwRows& op) {
  with_number_of(op.rows, [&](auto number) { update<decltype(number)>(ctx, op); });
}

}  // namespace peer::ops::cuda
