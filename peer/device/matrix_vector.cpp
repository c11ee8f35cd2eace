#include "peer/device/matrix_vector.h"

#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

#include "peer/device/streaming_sums.h"

namespace peer {
namespace {

constexpr std::int64_t kNumbersWorthThreads = 1 << 16;

// The numbers of two rows in bf16 are taken as pairs, 32 bits each: the first of a pair becomes fp32 when it is shifted up, the second when
// the first is cleared. That takes no shuffles.
constexpr std::uint32_t kSecond = 0xffff0000;
float pair_dot(const Bfloat16* x, const Bfloat16* row, std::int64_t count) {
  using Pairs __attribute__((vector_size(16))) = std::uint32_t;
  const auto load = [](const Bfloat16* data) {
    Pairs pairs;
    std::memcpy(&pairs, data, sizeof pairs);
    return pairs;
  };
  const auto four = [=](std::int64_t pair) {
    const Pairs a = load(x + 2 * pair), b = load(row + 2 * pair);
    return (Four)(a << 16) * (Four)(b << 16) + (Four)(a & kSecond) * (Four)(b & kSecond);
  };
  const auto one = [=](std::int64_t pair) { return x[2 * pair] * row[2 * pair] + x[2 * pair + 1] * row[2 * pair + 1]; };
  const float sum = streaming_sum(count / 2, four, one);
  return count % 2 == 0 ? sum : sum + x[count - 1] * row[count - 1];
}
float dot(const float* x, const float* row, std::int64_t count) { return streaming_dot(x, row, count); }
float dot(const Bfloat16* x, const Bfloat16* row, std::int64_t count) { return pair_dot(x, row, count); }

// Where the CPU has wider vectors, and the build a path for them, in whose section this code lies too (cpu_paths.cmake).
#if defined(__x86_64__) && defined(__GNUC__) && (PEER_CPU_PATHS & 2)
#define PEER_AVX2 __attribute__((target("avx2,fma"), section(".text_avx2"), noinline))
using Eight __attribute__((vector_size(32))) = float;
constexpr int kEights = 8;

// One by one: memory would be cleared first, which takes as long as a row of 128.
__attribute__((target("avx2,fma"), always_inline)) inline void clear(Eight (&sums)[kEights]) {
#pragma GCC unroll 8
  for (Eight& sum : sums) sum = Eight{};
}

__attribute__((target("avx2,fma"), always_inline)) inline float total(Eight (&sums)[kEights]) {
#pragma GCC unroll 4
  for (int half = kEights / 2; half > 0; half /= 2)
#pragma GCC unroll 4
    for (int s = 0; s < half; ++s) sums[s] += sums[s + half];
  return ((sums[0][0] + sums[0][4]) + (sums[0][1] + sums[0][5])) + ((sums[0][2] + sums[0][6]) + (sums[0][3] + sums[0][7]));
}

PEER_AVX2 float wide_dot(const float* x, const float* row, std::int64_t count) {
  Eight sums[kEights];
  clear(sums);
  std::int64_t i = 0;
  for (; i + 8 * kEights <= count; i += 8 * kEights) {
#pragma GCC unroll 8
    for (int s = 0; s < kEights; ++s) {
      Eight lanes, of_row;
      std::memcpy(&lanes, x + i + 8 * s, sizeof lanes);
      std::memcpy(&of_row, row + i + 8 * s, sizeof of_row);
      sums[s] += lanes * of_row;
    }
  }
  float sum = total(sums);
  for (; i < count; ++i) sum += x[i] * row[i];
  return sum;
}

PEER_AVX2 float wide_dot(const Bfloat16* x, const Bfloat16* row, std::int64_t count) {
  using Pairs __attribute__((vector_size(32))) = std::uint32_t;
  Eight sums[kEights];
  clear(sums);
  std::int64_t i = 0;
  for (; i + 8 * kEights <= count; i += 8 * kEights) {
#pragma GCC unroll 4
    for (int s = 0; s < kEights; s += 2) {
      Pairs pairs, of_row;
      std::memcpy(&pairs, x + i + 8 * s, sizeof pairs);
      std::memcpy(&of_row, row + i + 8 * s, sizeof of_row);
      sums[s] += (Eight)(pairs << 16) * (Eight)(of_row << 16);
      sums[s + 1] += (Eight)(pairs & kSecond) * (Eight)(of_row & kSecond);
    }
  }
  float sum = total(sums);
  for (; i < count; ++i) sum += x[i] * row[i];
  return sum;
}
bool has_wide_dots(CpuPath path) { return path != CpuPath::kPortable && is_runnable(CpuPath::kAvx2); }
#else
template <class T>
float wide_dot(const T* x, const T* row, std::int64_t count) {
  return dot(x, row, count);
}
bool has_wide_dots(CpuPath) { return false; }
#endif

// Twice as fast as shifts where the caches hold the rows, and on vectors of 32 bytes a tenth faster than on those of 64 where they do not.
// Numbers below 2^-126 count as 0.
#if defined(__x86_64__) && defined(__GNUC__) && (PEER_CPU_PATHS & 8)
#define PEER_AVX512_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"), section(".text_avx512bf16"), noinline))
PEER_AVX512_BF16 float bf16_dot(const Bfloat16* x, const Bfloat16* row, std::int64_t count) {
  constexpr std::int64_t kVectors = 8, kLanes = 16;
  __m256 sums[kVectors];
#pragma GCC unroll 8
  for (__m256& sum : sums) sum = __m256{};
  std::int64_t i = 0;
  for (; i + kVectors * kLanes <= count; i += kVectors * kLanes)
#pragma GCC unroll 8
    for (std::int64_t s = 0; s < kVectors; ++s) {
      __m256bh lanes, of_row;
      std::memcpy(&lanes, x + i + s * kLanes, sizeof lanes);
      std::memcpy(&of_row, row + i + s * kLanes, sizeof of_row);
      sums[s] = _mm256_dpbf16_ps(sums[s], lanes, of_row);
    }
  for (; i < count; i += kLanes) {
    const auto lanes = static_cast<__mmask16>(count - i < kLanes ? (1 << (count - i)) - 1 : ~0);
    sums[0] =
        _mm256_dpbf16_ps(sums[0], (__m256bh)_mm256_maskz_loadu_epi16(lanes, x + i), (__m256bh)_mm256_maskz_loadu_epi16(lanes, row + i));
  }
#pragma GCC unroll 4
  for (std::int64_t half = kVectors / 2; half > 0; half /= 2)
#pragma GCC unroll 4
    for (std::int64_t s = 0; s < half; ++s) sums[s] += sums[s + half];
  Four quarters[2];
  std::memcpy(quarters, &sums[0], sizeof quarters);
  const Four sum = quarters[0] + quarters[1];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}
#else
float bf16_dot(const Bfloat16* x, const Bfloat16* row, std::int64_t count) { return wide_dot(x, row, count); }
#endif

template <class T, class Dot>
void rows_by(Context& ctx, Dot&& dot, const T* x, Matrix<const T> w, float beta, float* y) {
#pragma omp parallel for schedule(static) num_threads(ctx.threads()) if (w.rows * w.columns >= kNumbersWorthThreads)
  for (std::int64_t j = 0; j < w.rows; ++j) {  // one row at a time: several would be several streams of memory, which were half as fast
    const float sum = dot(x, w.data + j * w.stride, w.columns);
    y[j] = beta == 0 ? sum : sum + beta * y[j];
  }
}

}  // namespace

void matrix_vector(Context& ctx, const float* x, Matrix<const float> w, float beta, float* y) {
  if (has_wide_dots(ctx.cpu_path()))
    return rows_by(
        ctx, [](auto... row) { return wide_dot(row...); }, x, w, beta, y);
  rows_by(
      ctx, [](auto... row) { return dot(row...); }, x, w, beta, y);
}

void matrix_vector(Context& ctx, const Bfloat16* x, Matrix<const Bfloat16> w, float beta, float* y) {
  if (ctx.cpu_path() == CpuPath::kAvx512Bf16)
    return rows_by(
        ctx, [](auto... row) { return bf16_dot(row...); }, x, w, beta, y);
  if (has_wide_dots(ctx.cpu_path()))
    return rows_by(
        ctx, [](auto... row) { return wide_dot(row...); }, x, w, beta, y);
  rows_by(
      ctx, [](auto... row) { return dot(row...); }, x, w, beta, y);
}

}  // namespace peer
