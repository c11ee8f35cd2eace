// The one-neuron experts' activation, shared by both twins: arithmetic and selections alone, so that a loop over it becomes vectors.
#pragma once

#include "peer/base/options.h"
#include "peer/ops/vector_math.h"

namespace peer {
enum class ActivationKind { kGelu, kRelu };
template <>
struct EnumNames<ActivationKind> {
  static constexpr std::pair<ActivationKind, std::string_view> values[] = {{ActivationKind::kGelu, "gelu"},
                                                                           {ActivationKind::kRelu, "relu"}};
};
}  // namespace peer

namespace peer::ops {

// Phi(z), the normal distribution function, to 3e-7: (1 + erf(z / sqrt 2)) / 2 with the rational approximation of erf on [-4, 4] that
// Eigen and XLA use. Exactly 0 and 1 beyond, so that an expert far from firing is silent.
constexpr float normal_distribution(float z) {
  const float x = z * 0.70710678f, x2 = x * x;
  float p = -2.72614225801306e-10f;
  p = p * x2 + 2.77068142495902e-08f;
  p = p * x2 - 2.10102402082508e-06f;
  p = p * x2 - 5.69250639462346e-05f;
  p = p * x2 - 7.34990630326855e-04f;
  p = p * x2 - 2.95459980854025e-03f;
  p = p * x2 - 1.60960333262415e-02f;
  float q = -1.45660718464996e-05f;
  q = q * x2 - 2.13374055278905e-04f;
  q = q * x2 - 1.68282697438203e-03f;
  q = q * x2 - 7.37332916720468e-03f;
  q = q * x2 - 1.42647390514189e-02f;
  const float phi = 0.5f + 0.5f * (x * p / q);
  return x > 4.0f ? 1.0f : (x < -4.0f ? 0.0f : phi);
}

inline constexpr double kActivationFlops = 24;  // of either function below, at most
// gelu(z) = z Phi(z) (Hendrycks & Gimpel 2016); relu(z) = max(z, 0).
constexpr float activate(ActivationKind kind, float z) {
  const float weight = kind == ActivationKind::kRelu ? (z > 0 ? 1.0f : 0.0f) : normal_distribution(z);
  return z * weight;
}

// Its derivative: Phi(z) + z phi(z); 1 for z > 0.
constexpr float activate_derivative(ActivationKind kind, float z) {
  if (kind == ActivationKind::kRelu) return z > 0 ? 1.0f : 0.0f;
  return normal_distribution(z) + z * 0.39894228f * polynomial_exp(-0.5f * z * z);
}

}  // namespace peer::ops
