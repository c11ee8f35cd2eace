// The two loops that every expert op of the CPU is made of: one vector against many rows. Rows are taken four at a time, so that the
// vector is loaded once for four of them and four sums run side by side; they are added in the order given, whatever the count.
#pragma once

#include <cstdint>
#include <cstring>

#include "peer/base/element.h"
#include "peer/ops/vector_bytes.h"

namespace peer::ops {
inline namespace PEER_VECTORS {

inline constexpr std::int64_t kCacheLineFloats = 16;

// Asks for the cache line at `data` before it is needed: random rows of a table larger than the caches cost their latency otherwise. Into
// the second level, which waits for several times as many lines as the first. Lines are asked for one by one between the arithmetic, since
// whole rows at once fill the buffers that wait for memory and stop everything behind them.
[[gnu::always_inline]] inline void ask_for_line(const void* data) { __builtin_prefetch(data, 0, 2); }

// Sixteen numbers, a cache line of fp32, as vectors of the path's own width: sums in vectors wider than the registers would be kept in
// memory.
struct RowLanes {
  static constexpr std::int64_t kParts = kCacheLineFloats / kVectorLanes;
  VectorLanes part[kParts];

  RowLanes& operator+=(const RowLanes& other) {
#pragma GCC unroll 4
    for (std::int64_t p = 0; p < kParts; ++p) part[p] += other.part[p];
    return *this;
  }
  friend RowLanes operator+(RowLanes a, const RowLanes& b) { return a += b; }
  friend RowLanes operator*(RowLanes a, const RowLanes& b) {
#pragma GCC unroll 4
    for (std::int64_t p = 0; p < kParts; ++p) a.part[p] *= b.part[p];
    return a;
  }
};

inline RowLanes load_line(const float* data) {
  RowLanes lanes;
#pragma GCC unroll 4
  for (std::int64_t p = 0; p < RowLanes::kParts; ++p) lanes.part[p] = load_lanes(data + p * kVectorLanes);
  return lanes;
}

// Sixteen numbers of bf16, widened.
inline RowLanes load_line(const Bfloat16* data) {
  using WideBits __attribute__((vector_size(kVectorBytes))) = std::uint32_t;
  RowLanes lanes;
#pragma GCC unroll 4
  for (std::int64_t p = 0; p < RowLanes::kParts; ++p) {
    std::uint16_t bits __attribute__((vector_size(kVectorBytes / 2)));
    std::memcpy(&bits, data + p * kVectorLanes, sizeof bits);
    lanes.part[p] = (VectorLanes)(__builtin_convertvector(bits, WideBits) << 16);
  }
  return lanes;
}

// Halves are added until one number is left, in the same order whatever the width of vectors.
inline float sum_of_lanes(const RowLanes& lanes) {
  RowLanes sums = lanes;
#pragma GCC unroll 2
  for (std::int64_t half = RowLanes::kParts / 2; half > 0; half /= 2)
#pragma GCC unroll 2
    for (std::int64_t p = 0; p < half; ++p) sums.part[p] += sums.part[p + half];
  const auto halved = [](auto all) {
    if constexpr (sizeof all == 64)
      return __builtin_shufflevector(all, all, 0, 1, 2, 3, 4, 5, 6, 7) + __builtin_shufflevector(all, all, 8, 9, 10, 11, 12, 13, 14, 15);
    else if constexpr (sizeof all == 32)
      return __builtin_shufflevector(all, all, 0, 1, 2, 3) + __builtin_shufflevector(all, all, 4, 5, 6, 7);
    else
      return all;
  };
  const auto four = halved(halved(sums.part[0]));
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

}  // namespace PEER_VECTORS
}  // namespace peer::ops
