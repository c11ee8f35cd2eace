// The two loops that every expert op of the CPU is made of: one vector against many rows. Rows are taken four at a time, so that the
// vector is loaded once for four of them and four sums run side by side; they are added in the order given, whatever the count.
#pragma once

#include <cstdint>

namespace peer::ops {

inline constexpr std::int64_t kCacheLineFloats = 16;

// Asks for `count` floats before they are needed: random rows of a table larger than the caches cost their latency otherwise.
template <int Locality>
inline void prefetch_floats(const float* data, std::int64_t count) {
  for (std::int64_t i = 0; i < count; i += kCacheLineFloats) __builtin_prefetch(data + i, 0, Locality);
}

// out[r] = <x, row(r)>, r < count; x (width). `before(r)` is called once ahead of the four rows from r on: the place to prefetch.
template <class RowAt, class Before>
inline void dot_rows(const float* x, std::int64_t width, std::int64_t count, RowAt&& row, Before&& before, float* out) {
  std::int64_t r = 0;
  for (; r + 4 <= count; r += 4) {
    before(r);
    const float *a = row(r), *b = row(r + 1), *c = row(r + 2), *d = row(r + 3);
    float sum_a = 0, sum_b = 0, sum_c = 0, sum_d = 0;
#pragma omp simd reduction(+ : sum_a, sum_b, sum_c, sum_d)
    for (std::int64_t i = 0; i < width; ++i) {
      sum_a += x[i] * a[i];
      sum_b += x[i] * b[i];
      sum_c += x[i] * c[i];
      sum_d += x[i] * d[i];
    }
    out[r] = sum_a, out[r + 1] = sum_b, out[r + 2] = sum_c, out[r + 3] = sum_d;
  }
  for (; r < count; ++r) {
    const float* a = row(r);
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < width; ++i) sum += x[i] * a[i];
    out[r] = sum;
  }
}

// y += sum_r weight(r) * row(r), r < count, in rising r; y (width).
template <class RowAt, class WeightAt>
inline void add_rows(float* y, std::int64_t width, std::int64_t count, RowAt&& row, WeightAt&& weight) {
  std::int64_t r = 0;
  for (; r + 4 <= count; r += 4) {
    const float *a = row(r), *b = row(r + 1), *c = row(r + 2), *d = row(r + 3);
    const float wa = weight(r), wb = weight(r + 1), wc = weight(r + 2), wd = weight(r + 3);
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) y[i] = y[i] + wa * a[i] + wb * b[i] + wc * c[i] + wd * d[i];
  }
  for (; r < count; ++r) {
    const float* a = row(r);
    const float w = weight(r);
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) y[i] += w * a[i];
  }
}

}  // namespace peer::ops
