// The softmax of a tile: kTileRows queries that follow one another, and their scores in rows of whole vectors. Powers are those of 2:
// `factor` is log2(e) / sqrt(d).
#pragma once

#include <cstdint>
#include <limits>

#include "peer/ops/lane_exp.h"
#include "peer/ops/lane_shuffles.h"
#include "peer/ops/tile_product.h"

namespace peer::ops {
inline namespace PEER_VECTORS {

// The first query sees `visible` keys, each of the others one more. What follows them is -infinity, whose power is 0.
inline void hide_future(TileRows<float> score, std::int64_t visible, std::int64_t columns) {
  for (std::int64_t t = 0; t < kTileRows; ++t)
    for (std::int64_t s = (visible + t) / kVectorLanes * kVectorLanes; s < columns; s += kVectorLanes)
#pragma omp simd
      for (std::int32_t i = 0; i < kVectorLanes; ++i) {
        float& at = score.row(t)[s + i];
        at = i < visible + t - s ? at : -std::numeric_limits<float>::infinity();
      }
}

// Scores -> 2^(factor * score - shift) in steps along the row, with the shift of a row that makes its largest 1, and their sum.
template <class Steps>
void powers(TileRows<float> score, std::int64_t columns, float factor, float* shift, float* sum) {
  VectorLanes largest[kTileRows], sums[kTileRows];
#pragma GCC unroll 8
  for (std::int64_t t = 0; t < kTileRows; ++t) largest[t] = load_lanes(score.row(t)), sums[t] = VectorLanes{};
  for (std::int64_t s = kVectorLanes; s < columns; s += kVectorLanes)
#pragma GCC unroll 8
    for (std::int64_t t = 0; t < kTileRows; ++t) largest[t] = larger_lanes(load_lanes(score.row(t) + s), largest[t]);
#pragma GCC unroll 8
  for (std::int64_t t = 0; t < kTileRows; ++t) shift[t] = factor * largest_of(largest[t]);
  for (std::int64_t s = 0; s < columns; s += kVectorLanes)
#pragma GCC unroll 8
    for (std::int64_t t = 0; t < kTileRows; ++t) {
      const VectorLanes power = exp2_lanes(load_lanes(score.row(t) + s) * factor - shift[t]);
      sums[t] += power;
      Steps::put(power, reinterpret_cast<Step*>(score.row(t)), s);
    }
#pragma GCC unroll 8
  for (std::int64_t t = 0; t < kTileRows; ++t) sum[t] = sum_of(sums[t]);
}

// p = 2^(factor * score - lse) and dscore = p (dp - <dy, y>): over the scores and over dp in steps across the rows, kNumbers rows in the
// first of them; with more than one number a step, dscore in steps along the rows too.
template <class Steps>
void softmax_gradients(TileRows<float> score, TileRows<float> dp, std::int64_t columns, float factor, const float* lse, const float* dy_y,
                       TileRows<Step> dscore_along) {
  constexpr std::int64_t kNumbers = Steps::kNumbers;
  for (std::int64_t s = 0; s < columns; s += kVectorLanes)
    for (std::int64_t t = 0; t < kTileRows; t += kNumbers) {
      VectorLanes p[kNumbers], dscore[kNumbers];
      for (std::int64_t n = 0; n < kNumbers; ++n) {
        p[n] = exp2_lanes(load_lanes(score.row(t + n) + s) * factor - lse[t + n]);
        dscore[n] = p[n] * (load_lanes(dp.row(t + n) + s) - dy_y[t + n]);
        if (kNumbers > 1) Steps::put(dscore[n], dscore_along.row(t + n), s);
      }
      store_lanes(score.row(t) + s, Steps::of_rows(p));
      store_lanes(dp.row(t) + s, Steps::of_rows(dscore));
    }
}

}  // namespace PEER_VECTORS
}  // namespace peer::ops
