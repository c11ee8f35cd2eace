// The largest of many numbers, found by a warp.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "peer/ops/block_reduce.cuh"
#include "peer/ops/rank_key.h"

namespace peer::ops::cuda {

// Of a warp. Of 1,024 independent scores 21 reach the bound of the best 16 and of their 256 sums 25, no more than 52 of either in thousands
// of rows; with 32 wanted it is about 115, and more than this once in 300 rows. Many more reach it where scores are equal.
inline constexpr int kMostCandidates = 256;

// take(k, key) by lane 0 for the `wanted` largest of key_at(0 .. count), in falling order: each is the largest below the one before it.
// Keys are different; what is not there has the lowest of all. A pass over the keys for each.
template <class KeyAt, class Take>
__device__ void take_one_by_one(int lane, std::int64_t count, int wanted, KeyAt key_at, Take take) {
  RankKey last = std::numeric_limits<RankKey>::max();
  for (int k = 0; k < wanted; ++k) {
    RankKey best = std::numeric_limits<RankKey>::min();
    for (std::int64_t i = lane; i < count; i += kWarp) {
      const RankKey key = key_at(i);
      if (key < last && key > best) best = key;
    }
    last = warp_max(best);
    if (lane == 0) take(k, last);
  }
}

// The `wanted`-th largest (at most 32) of one number of each lane, none of them NaN: a bitonic sort over the lanes, falling.
__device__ inline float largest_of_lanes(int lane, float number, int wanted) {
#pragma unroll
  for (int run = 2; run <= kWarp; run *= 2)
#pragma unroll
    for (int distance = run / 2; distance > 0; distance /= 2) {
      const float other = __shfl_xor_sync(kAllLanes, number, distance);
      const bool first = (lane & distance) == 0, falls = (lane & run) == 0;
      number = first == falls ? fmaxf(number, other) : fminf(number, other);
    }
  return __shfl_sync(kAllLanes, number, wanted - 1);
}

// Bit j: numbers[j] reaches the bound, which NaN never does.
template <int kCount>
__device__ unsigned reaching(const float (&numbers)[kCount], float bound) {
  static_assert(kCount <= 32);
  unsigned bits = 0;
#pragma unroll
  for (int j = 0; j < kCount; ++j) bits |= numbers[j] >= bound ? 1u << j : 0;
  return bits;
}

// The places of few numbers, then their keys, in shared memory of a warp.
struct Candidates {
  RankKey* of_warp;  // kMostCandidates
  int found = 0;     // also those that had no room

  // place_of(j) for each bit j that a lane has, of all lanes.
  template <class PlaceOf>
  __device__ void add(int lane, unsigned bits, PlaceOf place_of) {
    const int own = __popc(bits);
    int up_to_here = own;
#pragma unroll
    for (int distance = 1; distance < kWarp; distance *= 2) {
      const int before = __shfl_up_sync(kAllLanes, up_to_here, distance);
      if (lane >= distance) up_to_here += before;
    }
    for (int at = found + up_to_here - own; bits != 0 && at < kMostCandidates; bits &= bits - 1)
      of_warp[at++] = place_of(static_cast<unsigned>(__ffs(static_cast<int>(bits)) - 1));
    found += __shfl_sync(kAllLanes, up_to_here, kWarp - 1);
  }

  // take(k, key), by any lane, for the `wanted` largest: a key's place is the number of those above it.
  template <class KeyAt, class Take>
  __device__ void take_largest(int lane, int wanted, KeyAt key_at, Take take) const {
    constexpr int kStep = 8;  // compared at a time
    static_assert(kMostCandidates % kStep == 0);
    const int filled = (found + kStep - 1) / kStep * kStep;
    __syncwarp();
#pragma unroll 1  // seldom more than once
    for (int c = lane; c < filled; c += kWarp) of_warp[c] = c < found ? key_at(of_warp[c]) : std::numeric_limits<RankKey>::min();
    __syncwarp();
#pragma unroll 1
    for (int c = lane; c < found; c += kWarp) {
      const RankKey key = of_warp[c];
      int larger = 0;
#pragma unroll 1
      for (int other = 0; other < filled; other += kStep)
        for (int i = 0; i < kStep; ++i) larger += of_warp[other + i] > key ? 1 : 0;
      if (larger < wanted) take(larger, key);
    }
  }
};

// take(k, key), by any lane, for the `wanted` <= 32 largest of `all`, k counting them in falling order. Called by all lanes of a warp of a
// block of kThreads. Of All, which belongs to a lane:
//   kCount              numbers that a lane holds at a time: even, at most 32
//   groups()            how often it does so
//   load(g, numbers)    sets those of group g, NaN where there are none; all lanes call it
//   place(g, j)         where the j-th of group g stands among all
//   key(place)          its key, different from all others; the lowest where there is no number
//   places()            all places are below
//
// As many lanes as are wanted hold a number at or above the `wanted`-th largest of the lanes' maxima: what is below that bound is not among
// the wanted, and a few more than those reach it. Where too many do, or, because of NaN, too few, the keys are taken one by one.
template <class All, class Take>
__device__ void warp_take_largest(int lane, int wanted, const All& all, Take take) {
  __shared__ RankKey candidates[kWarps][kMostCandidates];
  const int groups = all.groups();
  float numbers[All::kCount], largest = -std::numeric_limits<float>::infinity();
  for (int g = 0; g < groups; ++g) {
    all.load(g, numbers);
#pragma unroll
    for (int j = 0; j < All::kCount; j += 2) largest = fmaxf(largest, fmaxf(numbers[j], numbers[j + 1]));
  }
  const float bound = largest_of_lanes(lane, largest, wanted);

  Candidates reached{candidates[threadIdx.x / kWarp]};
  for (int g = 0; g < groups; ++g) {
    if (groups > 1) all.load(g, numbers);  // one group is still there
    reached.add(lane, reaching(numbers, bound), [&](unsigned j) { return all.place(g, j); });
  }
  const auto key_at = [&](std::int64_t place) { return all.key(static_cast<int>(place)); };
  if (wanted <= reached.found && reached.found <= kMostCandidates)
    reached.take_largest(lane, wanted, key_at, take);
  else
    take_one_by_one(lane, all.places(), wanted, key_at, take);
  __syncwarp();  // the next call writes the candidates anew
}

}  // namespace peer::ops::cuda
