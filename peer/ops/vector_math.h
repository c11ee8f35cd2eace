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

// log x of a positive normal number to a relative error below 3e-7 (Cephes); infinity and NaN stay what they are.
constexpr float polynomial_log(float x) {
  // x = 2^e (1 + f), sqrt(1/2) <= 1 + f < sqrt(2)
  constexpr std::int32_t kSqrtHalf = 0x3f3504f3;
  constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  const auto bits = std::bit_cast<std::int32_t>(x);
  const std::int32_t exponent = (bits - kSqrtHalf) >> 23;
  const float e = static_cast<float>(exponent), f = std::bit_cast<float>(bits - exponent * (1 << 23)) - 1.0f;
  float p = 7.0376836292e-2f;
  p = p * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  const float log = e * kLn2High + (f + (e * kLn2Low + f * f * (f * p - 0.5f)));
  return x <= std::numeric_limits<float>::max() ? log : x;
}

// 1 / (1 + e^-x)
constexpr float logistic(float x) { return 1.0f / (1.0f + polynomial_exp(-x)); }

}  // namespace peer::ops
