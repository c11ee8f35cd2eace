// The two loops that every expert op of the CPU is made of: one vector against many rows. Rows are taken four at a time, so that the
// vector is loaded once for four of them and four sums run side by side; they are added in the order given, whatever the count.
#pragma once

#include <cstdint>
#include <cstring>

#include "peer/base/element.h"

namespace peer::ops {

inline constexpr std::int64_t kCacheLineFloats = 16;

// Asks for the cache line at `data` before it is needed: random rows of a table larger than the caches cost their latency otherwise. Into
// the second level, which waits for several times as many lines as the first. Lines are asked for one by one between the arithmetic, since
// whole rows at once fill the buffers that wait for memory and stop everything behind them.
[[gnu::always_inline]] inline void ask_for_line(const void* data) { __builtin_prefetch(data, 0, 2); }

using RowLanes __attribute__((vector_size(kCacheLineFloats * sizeof(float)))) = float;

inline RowLanes load_line(const float* data) {
  RowLanes lanes;
  std::memcpy(&lanes, data, sizeof lanes);
  return lanes;
}

// Sixteen numbers of bf16, widened.
inline RowLanes load_line(const Bfloat16* data) {
  std::uint16_t bits __attribute__((vector_size(kCacheLineFloats * sizeof(std::uint16_t))));
  std::memcpy(&bits, data, sizeof bits);
  using WideBits __attribute__((vector_size(kCacheLineFloats * sizeof(std::uint32_t)))) = std::uint32_t;
  const WideBits wide = __builtin_convertvector(bits, WideBits) << 16;
  RowLanes lanes;
  std::memcpy(&lanes, &wide, sizeof lanes);
  return lanes;
}

// Halves are added until one number is left.
inline float sum_of_lanes(RowLanes lanes) {
  const auto eight =
      __builtin_shufflevector(lanes, lanes, 0, 1, 2, 3, 4, 5, 6, 7) + __builtin_shufflevector(lanes, lanes, 8, 9, 10, 11, 12, 13, 14, 15);
  const auto four = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) + __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
  return (four[0] + four[2]) + (four[1] + four[3]);
}

// For rows that are in the caches already.
inline constexpr auto kAskForNothing = [](std::int64_t) { return [](std::int64_t) {}; };

// out[r] = <x, row(r)>, r < count; x (width), rows of fp32 or bf16. `ahead(r)` is called once ahead of the four rows from r on; what it
// returns is called for every cache line of them with its first column: the place to ask for what comes later.
template <class RowAt, class Ahead>
inline void dot_rows(const float* x, std::int64_t width, std::int64_t count, RowAt&& row, Ahead&& ahead, float* out) {
  const std::int64_t whole = width / kCacheLineFloats * kCacheLineFloats;
  std::int64_t r = 0;
  for (; r + 4 <= count; r += 4) {
    const decltype(row(r)) rows[4] = {row(r), row(r + 1), row(r + 2), row(r + 3)};
    RowLanes sums[4] = {};
    const auto later = ahead(r);
    for (std::int64_t i = 0; i < whole; i += kCacheLineFloats) {
      later(i);
      const RowLanes lanes = load_line(x + i);
      for (int q = 0; q < 4; ++q) sums[q] += lanes * load_line(rows[q] + i);
    }
    for (int q = 0; q < 4; ++q) {
      float sum = sum_of_lanes(sums[q]);
      for (std::int64_t i = whole; i < width; ++i) sum += x[i] * rows[q][i];
      out[r + q] = sum;
    }
  }
  for (; r < count; ++r) {
    const auto* a = row(r);
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < width; ++i) sum += x[i] * a[i];
    out[r] = sum;
  }
}

// y = weight * row, as add_rows to a row of zeros would give it (never -0).
inline void set_row(float* y, std::int64_t width, const float* row, float weight) {
#pragma omp simd
  for (std::int64_t i = 0; i < width; ++i) y[i] = 0.0f + weight * row[i];
}

// |x|^2
inline float sum_of_squares(const float* x, std::int64_t count) {
  RowLanes sums[4] = {};
  std::int64_t i = 0;
  for (; i + 4 * kCacheLineFloats <= count; i += 4 * kCacheLineFloats)
    for (int q = 0; q < 4; ++q) {
      const RowLanes lanes = load_line(x + i + q * kCacheLineFloats);
      sums[q] += lanes * lanes;
    }
  float sum = sum_of_lanes((sums[0] + sums[1]) + (sums[2] + sums[3]));
  for (; i < count; ++i) sum += x[i] * x[i];
  return sum;
}

// y += sum_r weight(r) * row(r), r < count, in rising r; y (width), rows of fp32 or bf16.
template <class RowAt, class WeightAt>
inline void add_rows(float* y, std::int64_t width, std::int64_t count, RowAt&& row, WeightAt&& weight) {
  std::int64_t r = 0;
  for (; r + 4 <= count; r += 4) {
    const auto *a = row(r), *b = row(r + 1), *c = row(r + 2), *d = row(r + 3);
    const float wa = weight(r), wb = weight(r + 1), wc = weight(r + 2), wd = weight(r + 3);
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) y[i] = y[i] + wa * a[i] + wb * b[i] + wc * c[i] + wd * d[i];
  }
  for (; r < count; ++r) {
    const auto* a = row(r);
    const float w = weight(r);
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) y[i] += w * a[i];
  }
}

}  // namespace peer::ops
