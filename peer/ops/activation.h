// The one-neuron experts' activation, shared by both twins.
#pragma once

#include <cmath>

#include "peer/base/options.h"

#if defined(__CUDACC__)
#define PEER_HD __host__ __device__
#else
#define PEER_HD
#endif

namespace peer {
enum class ActivationKind { kGelu, kRelu };
template <>
struct EnumNames<ActivationKind> {
  static constexpr std::pair<ActivationKind, std::string_view> values[] = {{ActivationKind::kGelu, "gelu"}, {ActivationKind::kRelu, "relu"}};
};
}  // namespace peer

namespace peer::ops {

// gelu(z) = z Phi(z), Phi the normal distribution function (Hendrycks & Gimpel 2016); relu(z) = max(z, 0).
PEER_HD inline float activate(ActivationKind kind, float z) {
  if (kind == ActivationKind::kRelu) return z > 0 ? z : 0.0f;
  return 0.5f * z * (1.0f + erff(z * 0.70710678f));
}

// Its derivative: Phi(z) + z phi(z); 1 for z > 0.
PEER_HD inline float activate_derivative(ActivationKind kind, float z) {
  if (kind == ActivationKind::kRelu) return z > 0 ? 1.0f : 0.0f;
  return 0.5f * (1.0f + erff(z * 0.70710678f)) + z * 0.39894228f * expf(-0.5f * z * z);
}

}  // namespace peer::ops
