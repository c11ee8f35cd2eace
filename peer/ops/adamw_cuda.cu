#include <cmath>

#include "peer/ops/cuda_twins.h"
#include "peer/ops/kernel_launch.cuh"

namespace peer::ops::cuda {

void adamw(Context& ctx, const Adamw& op) {
  const AdamwRates rates = op.rates;
  const double step = static_cast<double>(op.step);
  const double m_correction = 1.0 - std::pow(double{rates.beta1}, step), v_correction = 1.0 - std::pow(double{rates.beta2}, step);
  const float rate = static_cast<float>(rates.learning_rate / m_correction);
  const float root_scale = static_cast<float>(1.0 / std::sqrt(v_correction));
  const auto clip = static_cast<float>(op.clip);
  const float decay = rates.learning_rate * rates.weight_decay;
  for_each_element(ctx, op.weight.shape[0], [=] __device__(std::int64_t i) {
    const float norm = clip > 0 ? std::sqrt(static_cast<float>(op.squares[0])) : 0.0f;
    const float g = op.gradient[i] * (norm > clip ? clip / norm : 1.0f);
    const float m = rates.beta1 * op.m[i] + (1.0f - rates.beta1) * g;
    const float v = rates.beta2 * op.v[i] + (1.0f - rates.beta2) * (g * g);
    op.m[i] = m, op.v[i] = v;
    op.weight[i] -= rate * m / (std::sqrt(v) * root_scale + rates.epsilon) + decay * op.weight[i];
  });
}

}  // namespace peer::ops::cuda
