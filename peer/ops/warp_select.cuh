// The largest of many numbers, found by a warp.
#pragma once

#include <cstdint>
#include <limits>

#include "peer/ops/block_reduce.cuh"
#include "peer/ops/rank_key.h"

namespace peer::ops::cuda {

inline constexpr int kMostCandidates = 64;  // of a warp: twice as many as are ever wanted

// take(k, key) by lane 0 for the `wanted` largest of key_at(0 .. count), all different, in falling order: each is the largest below the one
// before it. A pass over the keys for each.
template <class KeyAt, class Take>
__device__ void take_one_by_one(int lane, std::int64_t count, std::int64_t wanted, KeyAt key_at, Take take) {
  RankKey last = std::numeric_limits<RankKey>::max();
  for (std::int64_t k = 0; k < wanted; ++k) {
    RankKey best = std::numeric_limits<RankKey>::min();
    for (std::int64_t i = lane; i < count; i += kWarp) {
      const RankKey key = key_at(i);
      if (key < last && key > best) best = key;
    }
    last = warp_max(best);
    if (lane == 0) take(k, last);
  }
}

// The `wanted`-th largest of the lanes' keys, which are different; wanted <= 32.
__device__ inline RankKey largest_of_lanes(int lane, RankKey key, std::int64_t wanted) {
  int larger = 0;
  for (int other = 0; other < kWarp; ++other) {
    const RankKey there = __shfl_sync(kAllLanes, key, other);
    larger += there > key || (there == key && other < lane);  // lanes without a key hold the same
  }
  const unsigned holder = __ballot_sync(kAllLanes, larger == wanted - 1);
  return __shfl_sync(kAllLanes, key, __ffs(static_cast<int>(holder)) - 1);
}

// take(k, key), by any lane, for the `wanted` largest of key_at(0 .. count), all different, k counting them in falling order. Called by all
// lanes of a warp of a block of kThreads.
//
// As many lanes as are wanted hold a key at or above the `wanted`-th largest of the lanes' maxima, so what is below that bound is not among
// the wanted. Two passes leave a few more candidates than are wanted, and a candidate's place is the number of those above it.
template <class KeyAt, class Take>
__device__ void warp_take_largest(int lane, std::int64_t count, std::int64_t wanted, KeyAt key_at, Take take) {
  __shared__ RankKey candidates[kWarps][kMostCandidates];
  if (wanted > kWarp) return take_one_by_one(lane, count, wanted, key_at, take);
  RankKey best = std::numeric_limits<RankKey>::min();
  for (std::int64_t i = lane; i < count; i += kWarp) {
    const RankKey key = key_at(i);
    if (key > best) best = key;
  }
  const RankKey bound = largest_of_lanes(lane, best, wanted);

  RankKey* own = candidates[threadIdx.x / kWarp];
  int found = 0;
  for (std::int64_t first = 0; first < count; first += kWarp) {
    const std::int64_t i = first + lane;
    const RankKey key = i < count ? key_at(i) : std::numeric_limits<RankKey>::min();
    const bool passes = i < count && key >= bound;
    const unsigned passing = __ballot_sync(kAllLanes, passes);
    const int place = found + __popc(passing & ((1u << lane) - 1));
    if (passes && place < kMostCandidates) own[place] = key;
    found += __popc(passing);
  }
  __syncwarp();
  if (found > kMostCandidates) {  // the largest lie in a few lanes
    take_one_by_one(lane, count, wanted, key_at, take);
  } else {
    for (int c = lane; c < found; c += kWarp) {
      int larger = 0;
      for (int other = 0; other < found; ++other) larger += own[other] > own[c];
      if (larger < wanted) take(larger, own[c]);
    }
  }
  __syncwarp();  // the next call writes the candidates anew
}

}  // namespace peer::ops::cuda
