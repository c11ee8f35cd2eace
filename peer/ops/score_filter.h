// Which scores of a row can be among its K largest: a lower bound of the K-th largest, and one pass that keeps what reaches it.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "peer/ops/vector_bytes.h"

namespace peer::ops {
inline namespace PEER_VECTORS {

inline constexpr std::int64_t kScoreLanes = 16;

// Whether filtering pays, and by how many lanes' maxima: about twice as many lanes as picks leave few survivors beyond the K.
inline bool filter_pays(std::int64_t count, std::int64_t k) { return count >= 4 * k && k <= 64; }
inline std::int64_t filter_lanes(std::int64_t k) { return k <= 8 ? 16 : k <= 16 ? 32 : k <= 32 ? 64 : 128; }

// maxima[l] = the largest of the scores i with i mod lanes = l, never NaN.
inline void lane_maxima(const float* scores, std::int64_t count, std::int64_t lanes, float* maxima) {
  std::fill_n(maxima, lanes, -std::numeric_limits<float>::infinity());
  for (std::int64_t i = 0; i < count; i += lanes) {
    const std::int64_t here = std::min(lanes, count - i);
#pragma omp simd
    for (std::int64_t l = 0; l < here; ++l) maxima[l] = scores[i + l] > maxima[l] ? scores[i + l] : maxima[l];
  }
}

// A lower bound of the K-th largest score: the K-th largest of the lanes' maxima, each of which is a score; -infinity where there are
// fewer. lanes: a multiple of 16, at least K.
inline float kth_largest_bound(const float* maxima, std::int64_t lanes, std::int64_t k) {
  using Floats __attribute__((vector_size(kVectorBytes))) = float;
  using Integers __attribute__((vector_size(kVectorBytes))) = std::int32_t;
  constexpr std::int64_t kLanes = kVectorBytes / sizeof(float);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  // The K-th largest maximum is the smallest that fewer than K exceed.
  Floats smallest = Floats{} + kInfinity;
  for (std::int64_t first = 0; first < lanes; first += kLanes) {
    Floats mine;
    std::memcpy(&mine, maxima + first, sizeof mine);
    Integers larger{};
    for (std::int64_t j = 0; j < lanes; ++j) larger -= maxima[j] > mine;
    const Floats kept = larger < static_cast<std::int32_t>(k) ? mine : Floats{} + kInfinity;
    smallest = kept < smallest ? kept : smallest;
  }
  float bound = kInfinity;
  for (std::int64_t lane = 0; lane < kLanes; ++lane) bound = smallest[lane] < bound ? smallest[lane] : bound;
  return bound;
}

// Whether any of 16 scores reaches the bound.
inline bool any_reaches(const float* scores, float bound) {
  using Floats __attribute__((vector_size(kVectorBytes))) = float;
  using Integers __attribute__((vector_size(kVectorBytes))) = std::int32_t;
  constexpr std::int64_t kLanes = kVectorBytes / sizeof(float);
  Integers reaches{};
  for (std::int64_t i = 0; i < kScoreLanes; i += kLanes) {
    Floats lanes;
    std::memcpy(&lanes, scores + i, sizeof lanes);
    reaches |= lanes >= bound;
  }
  std::uint64_t words[kVectorBytes / sizeof(std::uint64_t)], any = 0;
  std::memcpy(words, &reaches, sizeof reaches);
  for (const std::uint64_t word : words) any |= word;
  return any != 0;
}

// index[0 .. returned) = the i with scores[i] >= bound, rising. `index` holds count + 16: whole vectors are written.
inline std::int64_t collect_reaching(const float* scores, std::int64_t count, float bound, std::int32_t* index) {
  std::int64_t found = 0, i = 0;
#if defined(__AVX512F__)
  __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512 bounds = _mm512_set1_ps(bound);
  for (; i + kScoreLanes <= count; i += kScoreLanes) {
    const __mmask16 reaches = _mm512_cmp_ps_mask(_mm512_loadu_ps(scores + i), bounds, _CMP_GE_OQ);
    _mm512_storeu_si512(index + found, _mm512_maskz_compress_epi32(reaches, lane));
    found += std::popcount(static_cast<unsigned>(reaches));
    lane = _mm512_add_epi32(lane, _mm512_set1_epi32(kScoreLanes));
  }
#endif
  // Elsewhere most groups are skipped at once, and of the others every score is written and the next overwrites it unless it reached.
  while (i < count) {
    const std::int64_t end = std::min(i + kScoreLanes, count);
    if (end - i == kScoreLanes && !any_reaches(scores + i, bound)) {
      i = end;
      continue;
    }
    for (; i < end; ++i) {
      index[found] = static_cast<std::int32_t>(i);
      found += scores[i] >= bound;
    }
  }
  return found;
}

}  // namespace PEER_VECTORS
}  // namespace peer::ops
