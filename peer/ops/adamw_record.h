// AdamW of the numbers of one expert record, as both devices compute it.
#pragma once

#include <cmath>
#include <limits>

#include "peer/ops/adamw_rows.h"

namespace peer::ops {

// What all numbers of a record share at its update number t.
struct RecordStep {
  float beta1, beta2, epsilon;
  float rate, correction;  // of the bias of both moments
  float keep;              // what the decay leaves of a weight

  RecordStep() = default;
  constexpr RecordStep(const RowRule& rule, float t) : beta1(rule.rates.beta1), beta2(rule.rates.beta2), epsilon(rule.rates.epsilon) {
    const float learning_rate = rule.now->rate(rule.rates.learning_rate);
    rate = learning_rate / (1 - std::pow(beta1, t));
    correction = 1 / (1 - std::pow(beta2, t));
    keep = 1 - learning_rate * rule.rates.weight_decay;
  }
  // Moves the moments by the gradient g; returns the weight after the step.
  constexpr float updated(float weight, float g, float& m, float& v) const {
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    return keep * weight - rate * m / (std::sqrt(v * correction) + epsilon);
  }
};

// The factor that shortens a gradient of this norm to `clip`. A norm that is not finite must show in the weights: one that overflowed
// gives NaN, not a step of zero.
constexpr float clip_factor(float norm, float clip) {
  if (norm > std::numeric_limits<float>::max()) return std::numeric_limits<float>::quiet_NaN();
  return norm > clip ? clip / norm : 1.0f;
}

}  // namespace peer::ops
