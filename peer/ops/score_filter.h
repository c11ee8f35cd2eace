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

inline constexpr std::int64_t kScoreLanes = 16;

// A lower bound of the K-th largest of `count` scores: the K-th largest of 16 * kGroups maxima, one for each lane of a pass over the
// row. At least K scores reach it whenever it is above -infinity. Scores beyond the last full pass are left out (the bound is then
// lower, never wrong); NaN is never a maximum.
template <int kGroups>
float kth_largest_bound(const float* scores, std::int64_t count, std::int64_t k) {
  using Floats __attribute__((vector_size(kVectorBytes))) = float;
  using Integers __attribute__((vector_size(kVectorBytes))) = std::int32_t;
  constexpr std::int64_t kLanes = kVectorBytes / sizeof(float), kStep = kGroups * kScoreLanes, kVectors = kStep / kLanes;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  Floats maximum[kVectors];
  for (Floats& lanes : maximum) lanes = Floats{} - kInfinity;
  for (std::int64_t i = 0; i + kStep <= count; i += kStep) {
    for (int v = 0; v < kVectors; ++v) {
      Floats lanes;
      std::memcpy(&lanes, scores + i + v * kLanes, sizeof lanes);
      maximum[v] = lanes > maximum[v] ? lanes : maximum[v];
    }
  }
  // The K-th largest maximum is the smallest that fewer than K exceed.
  float flat[kStep];
  std::memcpy(flat, maximum, sizeof flat);
  Floats smallest = Floats{} + kInfinity;
  for (int v = 0; v < kVectors; ++v) {
    Integers larger{};
    for (std::int64_t j = 0; j < kStep; ++j) larger -= flat[j] > maximum[v];
    const Floats kept = larger < static_cast<std::int32_t>(k) ? maximum[v] : Floats{} + kInfinity;
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

}  // namespace peer::ops
