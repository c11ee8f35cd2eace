#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "peer/ops/cpu_twins.h"

namespace peer::ops::cpu {
namespace {

constexpr std::int64_t kRowsABlock = 64;  // rows that lie side by side are updated in one loop

// Whether a number other than 0 is among them; as integers, for "or" over conditions would not become vectors.
bool any_number(const float* numbers, std::int64_t count) {
  std::uint32_t bits = 0;
#pragma omp simd reduction(| : bits)
  for (std::int64_t i = 0; i < count; ++i) bits |= std::bit_cast<std::uint32_t>(numbers[i]) << 1;  // -0 is 0
  return bits != 0;
}

}  // namespace

void adamw(Context& ctx, const Adamw& op) {
  const AdamwRates& rates = op.rates;
  const double step = static_cast<double>(op.now->step);
  const double m_correction = 1.0 - std::pow(double{rates.beta1}, step), v_correction = 1.0 - std::pow(double{rates.beta2}, step);
  const float beta1 = rates.beta1, beta2 = rates.beta2, epsilon = rates.epsilon;
  const double norm = op.clip > 0 ? std::sqrt(op.squares[0]) : 0;
  const float gradient_scale = norm > op.clip ? static_cast<float>(op.clip / norm) : 1.0f;
  const float learning_rate = op.now->rate(rates.learning_rate), rate = static_cast<float>(learning_rate / m_correction);
  const float root_scale = static_cast<float>(1.0 / std::sqrt(v_correction));
  const float decay = learning_rate * rates.weight_decay;
  const float* gradient = op.gradient.data;
  float *weight = op.weight.data, *m = op.m.data, *v = op.v.data;
  const std::int64_t size = op.weight.shape[0];
  const auto update = [=](std::int64_t i) {
    const float g = gradient[i] * gradient_scale;
    m[i] = beta1 * m[i] + (1.0f - beta1) * g;
    v[i] = beta2 * v[i] + (1.0f - beta2) * (g * g);
    weight[i] -= rate * m[i] / (std::sqrt(v[i]) * root_scale + epsilon) + decay * weight[i];
  };
  if (op.lazy_row == 0) {
#pragma omp parallel for simd schedule(static) num_threads(ctx.threads())
    for (std::int64_t i = 0; i < size; ++i) update(i);
    return;
  }
  const std::int64_t row = op.lazy_row, rows = size / row, blocks = (rows + kRowsABlock - 1) / kRowsABlock;
  const auto touched = [=](std::int64_t r) { return gradient[r * row] != 0 || any_number(gradient + r * row, row); };
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t block = 0; block < blocks; ++block) {
    const std::int64_t end = std::min((block + 1) * kRowsABlock, rows);
    for (std::int64_t r = block * kRowsABlock; r < end; ++r) {
      const std::int64_t first = r;
      while (r < end && touched(r)) ++r;
#pragma omp simd
      for (std::int64_t i = first * row; i < r * row; ++i) update(i);
    }
  }
}

}  // namespace peer::ops::cpu
