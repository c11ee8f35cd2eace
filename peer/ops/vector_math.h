// Elementary functions that a compiler can put into a vector loop: no branch, no table, no call. Both twins use them: kernels may call
// what is constexpr.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

namespace peer::ops {

// e^x to a relative error below 3e-7 (Cody-Waite reduction and the degree-6 polynomial of Cephes). 0 below -87.3, where the result would
// be subnormal, and for -inf; infinity above 88.37; NaN stays NaN.
constexpr float polynomial_exp(float x) {
  // x = n ln 2 + r, |r| <= ln 2 / 2. Adding 1.5 * 2^23 rounds to an integer and leaves it in the lowest bits of the sum.
  constexpr float kRound = 12582912.0f, kLog2E = 1.44269504f, kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  const float shifted = x * kLog2E + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * kLn2High) - n * kLn2Low;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  // e^x = 2^n p: n goes into the exponent field. Out of range these bits mean nothing and are not picked below.
  const float scaled = std::bit_cast<float>(std::bit_cast<std::uint32_t>(p) + (std::bit_cast<std::uint32_t>(shifted) << 23));
  const float bounded = x <= 88.37f ? scaled : x * std::numeric_limits<float>::infinity();  // NaN comes this way too
  return x < -87.3f ? 0.0f : bounded;
}

// 1 / (1 + e^-x)
constexpr float logistic(float x) { return 1.0f / (1.0f + polynomial_exp(-x)); }

}  // namespace peer::ops
