// Sums over long vectors for code outside the CPU paths, which is compiled for the baseline: with eight narrow sums side by side no
// addition waits for the one before, so that memory is all they wait for.
#pragma once

#include <cstdint>
#include <cstring>

namespace peer {

using Four __attribute__((vector_size(16))) = float;
inline constexpr std::int64_t kSums = 8, kSumsFloats = 4 * kSums;

inline Four load_four(const float* data) {
  Four four;
  std::memcpy(&four, data, sizeof four);
  return four;
}

// sum_i term(i), i < count; terms(i): those of i .. i+3.
template <class Terms, class Term>
float streaming_sum(std::int64_t count, Terms&& terms, Term&& term) {
  Four sums[kSums] = {};
  std::int64_t i = 0;
  for (; i + kSumsFloats <= count; i += kSumsFloats)
    for (std::int64_t s = 0; s < kSums; ++s) sums[s] += terms(i + 4 * s);
  for (std::int64_t s = 1; s < kSums; ++s) sums[0] += sums[s];
  float sum = (sums[0][0] + sums[0][1]) + (sums[0][2] + sums[0][3]);
  for (; i < count; ++i) sum += term(i);
  return sum;
}

inline float streaming_sum(const float* x, std::int64_t count) {
  return streaming_sum(
      count, [x](std::int64_t i) { return load_four(x + i); }, [x](std::int64_t i) { return x[i]; });
}

inline float streaming_dot(const float* x, const float* y, std::int64_t count) {
  return streaming_sum(
      count, [=](std::int64_t i) { return load_four(x + i) * load_four(y + i); }, [=](std::int64_t i) { return x[i] * y[i]; });
}

}  // namespace peer
