// The scores of a few queries against all open sub-keys, by a micro-kernel over sub-keys that lie side by side. Its last step keeps, while
// the scores are still in registers, the largest of every lane: the bound of score_filter.h needs no pass of its own.
//
//   panel (steps, kPanelKeys)    a step of each of the panel's sub-keys
//   query (steps)                its step is broadcast against a panel's
//
// Scores of numbers rounded to bf16 only tell which sub-keys may be picked: see margin().
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "peer/base/element.h"
#include "peer/ops/product_steps.h"

namespace peer::ops {
inline namespace PEER_VECTORS {

// As many sums as hide the latency of a product and leave registers for the operands.
inline constexpr std::int64_t kPanelVectors = kVectorBytes == 64 ? 4 : 2;
inline constexpr std::int64_t kPanelKeys = kPanelVectors * kVectorLanes, kBlockQueries = kVectorBytes == 64 ? 4 : 6;

// |x|, and |x - x rounded to bf16|.
struct Norms {
  float all = 0, lost = 0;
};

inline Norms norms_of(const float* x, std::int64_t width) {
  float all = 0, lost = 0;
#pragma omp simd reduction(+ : all, lost)
  for (std::int64_t i = 0; i < width; ++i) {
    const float difference = x[i] - std::bit_cast<float>(static_cast<std::uint32_t>(bfloat16_of(x[i])) << 16);
    all += x[i] * x[i], lost += difference * difference;
  }
  return {std::sqrt(all), std::sqrt(lost)};
}

// How far a bf16 score of vectors of these norms can be from the fp32 score: with d for what rounding lost,
//   |q k - (q - dq)(k - dk)| <= |dq| |k| + (|q| + |dq|) |dk|,
// and every addition rounds by 2^-24 of at most |q| |k|. NaN where that says nothing: where norms are not finite, or so small that what
// the instruction flushes to zero counts.
inline float margin(Norms query, Norms key, std::int64_t width) {
  constexpr float kSmallest = 0x1p-45f, kLargest = 0x1p60f;
  const bool means_something = query.all > kSmallest && key.all > kSmallest && query.all < kLargest && key.all < kLargest;
  if (!means_something) return std::numeric_limits<float>::quiet_NaN();
  const float rounded = query.lost * key.all + (query.all + query.lost) * key.lost;
  return 1.01f * rounded + 0x1p-22f * static_cast<float>(width) * query.all * key.all;
}

// The sub-keys of one half and set: `open` rows of `width` numbers, and their panels.
struct SubkeySet {
  const float* rows;
  std::int64_t open, width;
  Step* panels;

  const float* row(std::int64_t i) const { return rows + i * width; }
  std::int64_t panel_count() const { return (open + kPanelKeys - 1) / kPanelKeys; }
  std::int64_t row_scores() const { return panel_count() * kPanelKeys; }  // of one query, those of absent sub-keys included
  template <class Steps>
  std::int64_t panel_steps() const {
    return Steps::count(width) * kPanelKeys;
  }
};

// Fills panel p; absent sub-keys are zeros. `row` holds the steps of one.
template <class Steps>
void pack_panel(const SubkeySet& set, std::int64_t p, Step* row) {
  Step* panel = set.panels + p * set.panel_steps<Steps>();
  const std::int64_t steps = Steps::count(set.width), keys = std::min(kPanelKeys, set.open - p * kPanelKeys);
  if (keys < kPanelKeys) std::fill_n(panel, steps * kPanelKeys, Step{0});
  for (std::int64_t key = 0; key < keys; ++key) {
    Steps::take(set.row(p * kPanelKeys + key), set.width, row);
    for (std::int64_t s = 0; s < steps; ++s) panel[s * kPanelKeys + key] = row[s];
  }
}

// lanes (`vectors` of them) = what they hold or one of the panel's sums. NaN is never kept.
template <int vectors>
[[gnu::always_inline]] inline void keep_largest(const VectorLanes* sums, float* lanes) {
#pragma GCC unroll 4
  for (int first = 0; first < vectors; ++first) {
    VectorLanes largest = load_lanes(lanes + first * kVectorLanes);
#pragma GCC unroll 4
    for (int v = first; v < kPanelVectors; v += vectors) largest = sums[v] > largest ? sums[v] : largest;
    std::memcpy(lanes + first * kVectorLanes, &largest, sizeof largest);
  }
}

// scores (kBlockQueries, set.row_scores()) of queries (kBlockQueries, steps); maxima (kBlockQueries, lanes): of every score i below
// set.open, the largest in lane i mod lanes. lanes: a power of two, at least 32. NaN is never a maximum.
template <class Steps>
void score_block(const Step* queries, const SubkeySet& set, float* scores, float* maxima, std::int64_t lanes) {
  const std::int64_t steps = Steps::count(set.width), stride = set.row_scores();
  std::fill_n(maxima, kBlockQueries * lanes, -std::numeric_limits<float>::infinity());
  for (std::int64_t first = 0; first < set.open; first += kPanelKeys) {
    const Step* panel = set.panels + first / kPanelKeys * steps * kPanelKeys;
    VectorLanes sums[kBlockQueries][kPanelVectors] = {};
    for (std::int64_t s = 0; s < steps; ++s) {
      VectorLanes keys[kPanelVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kPanelVectors; ++v) keys[v] = load_lanes(panel + s * kPanelKeys + v * kVectorLanes);
#pragma GCC unroll 6
      for (int q = 0; q < kBlockQueries; ++q) {
#pragma GCC unroll 4
        for (int v = 0; v < kPanelVectors; ++v) sums[q][v] = Steps::add_products(sums[q][v], queries[q * steps + s], keys[v]);
      }
    }
    const bool whole = first + kPanelKeys <= set.open;
#pragma GCC unroll 6
    for (int q = 0; q < kBlockQueries; ++q) {
#pragma GCC unroll 4
      for (int v = 0; v < kPanelVectors; ++v) std::memcpy(scores + q * stride + first + v * kVectorLanes, &sums[q][v], sizeof(VectorLanes));
      if (!whole) continue;
      if (lanes < kPanelKeys)
        keep_largest<kPanelVectors / 2>(sums[q], maxima + q * lanes);
      else
        keep_largest<kPanelVectors>(sums[q], maxima + q * lanes + (first & (lanes - 1)));
    }
    if (whole) continue;
    for (int q = 0; q < kBlockQueries; ++q)
      for (std::int64_t i = first; i < set.open; ++i) {
        float& lane = maxima[q * lanes + (i & (lanes - 1))];
        lane = scores[q * stride + i] > lane ? scores[q * stride + i] : lane;
      }
  }
}

}  // namespace PEER_VECTORS
}  // namespace peer::ops
