#include <atomic>
#include <cmath>

#include "peer/ops/cpu_expert_twins.h"
#include "peer/ops/row_kernels.h"

namespace peer::ops::cpu {
namespace {

// The factor that shortens a gradient to the norm `clip`. A norm that is not finite passes through and shows in the weights.
float clip_factor(const float* gradient, std::int64_t count, float clip) {
  if (clip <= 0) return 1;
  const float norm = std::sqrt(sum_of_squares(gradient, count));
  return norm > clip ? clip / norm : 1.0f;
}

// One record: w, m, v (2D each) and the step count behind them. `next` is the record after this one, asked for on the way: by reads, since
// asking for writing is half as fast.
void update_record(const AdamwRates& rates, float clip, const float* gradient, std::int64_t count, float* w, const float* next) {
  float *m = w + count, *v = m + count, *steps = v + count;
  const float scale = clip_factor(gradient, count, clip);
  const float t = *steps += 1;
  const float beta1 = rates.beta1, beta2 = rates.beta2, epsilon = rates.epsilon;
  const float rate = rates.learning_rate / (1 - std::pow(beta1, t)), correction = 1 / (1 - std::pow(beta2, t));
  const float keep = 1 - rates.learning_rate * rates.weight_decay;
  const auto update = [&](std::int64_t i) {
    const float g = gradient[i] * scale;
    m[i] = beta1 * m[i] + (1 - beta1) * g;
    v[i] = beta2 * v[i] + (1 - beta2) * g * g;
    w[i] = keep * w[i] - rate * m[i] / (std::sqrt(v[i] * correction) + epsilon);
  };
  ask_for_line(next + 3 * count);
  const std::int64_t whole = count / kCacheLineFloats * kCacheLineFloats;
  for (std::int64_t line = 0; line < whole; line += kCacheLineFloats) {
    for (std::int64_t part = 0; part < 3; ++part) ask_for_line(next + part * count + line);
#pragma omp simd
    for (std::int64_t i = line; i < line + kCacheLineFloats; ++i) update(i);
  }
#pragma omp simd
  for (std::int64_t i = whole; i < count; ++i) update(i);
}

}  // namespace

void adamw_rows(Context& ctx, const AdamwRows& op) {
  const std::int64_t rows = op.expert.shape[0];
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t c = 0; c < rows; ++c) {
    const ExpertPage& page = op.rows.page_of(op.expert[c]);
    if (!page.trainable) continue;
    const float* next = op.rows.record(op.expert[c + 1 < rows ? c + 1 : c]);
    update_record(op.rates, op.clip, op.gradient.row(c), 2 * op.rows.width, op.rows.record(op.expert[c]), next);
    // Threads share pages. Looking first keeps the flag's cache line from travelling between them at every row.
    std::atomic_ref<bool> dirty(*page.dirty);
    if (!dirty.load(std::memory_order_relaxed)) dirty.store(true, std::memory_order_relaxed);
  }
}

}  // namespace peer::ops::cpu
