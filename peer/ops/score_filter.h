// Which scores of a row can be among its K largest: a lower bound of the K-th largest, and one pass that keeps what reaches it.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#if defined(__AVX512BW__)
#include <immintrin.h>
#endif

#include "peer/ops/sorting_network.h"
#include "peer/ops/vector_bytes.h"

namespace peer::ops {
inline namespace PEER_VECTORS {

inline constexpr std::int64_t kScoreLanes = 16;

// Whether filtering pays where picks are sorted one query at a time, and by how many lanes' maxima: about twice as many lanes as picks
// leave few survivors beyond the K.
inline bool filter_pays(std::int64_t count, std::int64_t k) { return count >= 4 * k && k <= 64; }
inline constexpr std::int64_t kMostFilterLanes = 128;
inline std::int64_t filter_lanes(std::int64_t k) { return k <= 16 ? 32 : k <= 32 ? 64 : kMostFilterLanes; }

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

// bounds[q] = kth_largest_bound(maxima + q * 32, 32, 16), of several queries at once. `queries`: a multiple of kVectorLanes / 4.
//
// A query has four lanes of every vector and so lies in eight of them, as four columns of eight: each is sorted by itself, then every two
// are made one of sixteen, of which the lanes hold the better and the worse eight; of two sorted lists the sixteenth of all is the smallest
// of the larger ones of the i-th and the (15 - i)-th.
inline void sixteenth_largest_bounds(const float* maxima, std::int64_t queries, float* bounds) {
  constexpr std::int64_t kLanes = 32, kQueries = kVectorLanes / 4;
  const auto neighbours = [](VectorLanes lanes, auto distance) __attribute__((always_inline)) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
      return __builtin_shufflevector(lanes, lanes, (I ^ decltype(distance)::value)...);
    }
    (std::make_index_sequence<kVectorLanes>());
  };
  constexpr std::integral_constant<std::size_t, 1> kNext;
  constexpr std::integral_constant<std::size_t, 2> kNextPair;
  for (std::int64_t first = 0; first < queries; first += kQueries) {
    VectorLanes column[8], better[8], worse[8];
    for (int i = 0; i < 8; ++i)
      for (std::int64_t q = 0; q < kQueries; ++q)
        std::memcpy(reinterpret_cast<float*>(column + i) + 4 * q, maxima + (first + q) * kLanes + 4 * i, 4 * sizeof(float));
    sort_columns<kSort8>(column);
    for (int i = 0; i < 8; ++i) {
      const VectorLanes other = neighbours(column[7 - i], kNext);
      better[i] = column[i] > other ? column[i] : other;
      worse[i] = column[i] < other ? column[i] : other;
    }
    sort_columns<kSortBitonic<8>>(better);
    sort_columns<kSortBitonic<8>>(worse);
    VectorLanes bound = larger(better[0], neighbours(worse[7], kNextPair));
    for (int i = 1; i < 8; ++i) {
      const VectorLanes candidate = larger(better[i], neighbours(worse[7 - i], kNextPair));
      bound = candidate < bound ? candidate : bound;
    }
    const VectorLanes other = neighbours(bound, kNextPair);
    bound = other < bound ? other : bound;
    for (std::int64_t q = 0; q < kQueries; ++q) bounds[first + q] = bound[4 * q];
  }
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

// index[0 .. returned) = the i with scores[i] >= bound, rising. `index` holds count + 16: some more may be written.
inline std::int64_t collect_reaching(const float* scores, std::int64_t count, float bound, std::int32_t* index) {
  std::int64_t found = 0, i = 0;
#if defined(__AVX512BW__)
  // Of 64 scores few reach it: the first four are written whether or not they are there.
  const __m512 bounds = _mm512_set1_ps(bound);
  const auto reaching = [&](std::int64_t first) { return _mm512_cmp_ps_mask(_mm512_loadu_ps(scores + first), bounds, _CMP_GE_OQ); };
  for (; i + 64 <= count; i += 64) {
    const __mmask32 low = _mm512_kunpackw(reaching(i + 16), reaching(i)), high = _mm512_kunpackw(reaching(i + 48), reaching(i + 32));
    std::uint64_t bits = _mm512_kunpackd(high, low);
    const int here = std::popcount(bits);
    for (int j = 0; j < 4; ++j, bits &= bits - 1) index[found + j] = static_cast<std::int32_t>(i + std::countr_zero(bits));
    for (int j = 4; j < here; ++j, bits &= bits - 1) index[found + j] = static_cast<std::int32_t>(i + std::countr_zero(bits));
    found += here;
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
