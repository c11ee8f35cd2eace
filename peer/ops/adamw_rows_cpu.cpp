#include <atomic>
#include <cmath>

#include "peer/ops/cpu_expert_twins.h"
#include "peer/ops/row_kernels.h"
#include "peer/ops/row_rounding.h"

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
template <class Number>
void update_record(const AdamwRates& rates, float clip, const float* gradient, std::int64_t count, const RowRounding& rounding, Number* w,
                   const Number* next) {
  float *m = reinterpret_cast<float*>(w + count), *v = m + count, *steps = v + count;
  const float* next_state = reinterpret_cast<const float*>(next + count);
  const float scale = clip_factor(gradient, count, clip);
  const float t = *steps += 1;
  const float beta1 = rates.beta1, beta2 = rates.beta2, epsilon = rates.epsilon;
  const float rate = rates.learning_rate / (1 - std::pow(beta1, t)), correction = 1 / (1 - std::pow(beta2, t));
  const float keep = 1 - rates.learning_rate * rates.weight_decay;
  const auto update = [&](std::int64_t line, std::uint32_t lane) {
    const std::int64_t i = line + lane;
    const float g = gradient[i] * scale;
    m[i] = beta1 * m[i] + (1 - beta1) * g;
    v[i] = beta2 * v[i] + (1 - beta2) * g * g;
    rounding.store(w[i], keep * w[i] - rate * m[i] / (std::sqrt(v[i] * correction) + epsilon), static_cast<std::uint32_t>(line) + lane);
  };
  constexpr std::int64_t kStep = kCacheLineFloats * sizeof(float) / sizeof(Number);  // numbers of a cache line of the row
  ask_for_line(next_state + 2 * count);
  const std::int64_t whole = count / kStep * kStep;
  for (std::int64_t line = 0; line < whole; line += kStep) {
    ask_for_line(next + line);
    for (std::int64_t part = 0; part < 2; ++part)
      for (std::int64_t more = 0; more < kStep; more += kCacheLineFloats) ask_for_line(next_state + part * count + line + more);
#pragma omp simd
    for (std::uint32_t lane = 0; lane < kStep; ++lane) update(line, lane);
  }
#pragma omp simd
  for (std::uint32_t lane = 0; lane < static_cast<std::uint32_t>(count - whole); ++lane) update(whole, lane);
}

template <class Number>
void update(Context& ctx, const AdamwRows& op) {
  const std::int64_t rows = op.expert.shape[0];
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t c = 0; c < rows; ++c) {
    const ExpertPage& page = op.rows.page_of(op.expert[c]);
    if (!page.trainable) continue;
    const Number* next = op.rows.parameters<Number>(op.expert[c + 1 < rows ? c + 1 : c]);
    update_record(op.rates, op.clip, op.gradient.row(c), 2 * op.rows.width, RowRounding(op.rounding, op.expert[c]),
                  op.rows.parameters<Number>(op.expert[c]), next);
    // Threads share pages. Looking first keeps the flag's cache line from travelling between them at every row.
    std::atomic_ref<bool> dirty(*page.dirty);
    if (!dirty.load(std::memory_order_relaxed)) dirty.store(true, std::memory_order_relaxed);
  }
}

}  // namespace

void adamw_rows(Context& ctx, const AdamwRows& op) {
  with_number_of(op.rows, [&](auto number) { update<decltype(number)>(ctx, op); });
}

}  // namespace peer::ops::cpu
