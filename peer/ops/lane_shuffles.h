// What moves numbers between the lanes of vector registers.
#pragma once

#include <cstdint>
#include <utility>

#include "peer/ops/vector_bytes.h"

namespace peer::ops {
inline namespace PEER_VECTORS {

// Lanes::... is a sequence 0, 1, ..., kVectorLanes - 1.
using LaneNumbers = std::make_integer_sequence<int, kVectorLanes>;

// Of squares of 2 * Distance lanes along the diagonal, in rows a and b that are Distance apart: the upper right and the lower left change
// places.
template <int Distance, int... Lane>
[[gnu::always_inline]] inline void swap_corners(VectorLanes& a, VectorLanes& b, std::integer_sequence<int, Lane...>) {
  const VectorLanes upper = a;
  a = __builtin_shufflevector(upper, b, (Lane & Distance ? kVectorLanes + Lane - Distance : Lane)...);
  b = __builtin_shufflevector(upper, b, (Lane & Distance ? kVectorLanes + Lane : Lane + Distance)...);
}

// The matrix (kVectorLanes, kVectorLanes) becomes its transpose: its quarters, theirs, and so on down to single lanes.
template <int Distance = kVectorLanes / 2>
[[gnu::always_inline]] inline void transpose_lanes(VectorLanes* rows) {
#pragma GCC unroll 16
  for (int r = 0; r < kVectorLanes; ++r)
    if ((r & Distance) == 0) swap_corners<Distance>(rows[r], rows[r + Distance], LaneNumbers{});
  if constexpr (Distance > 1) transpose_lanes<Distance / 2>(rows);
}

template <int Distance, int... Lane>
VectorLanes lanes_beyond(VectorLanes lanes, std::integer_sequence<int, Lane...>) {
  return __builtin_shufflevector(lanes, lanes, (Lane ^ Distance)...);
}

// combine() of all lanes, a tree of halves.
template <int Distance = kVectorLanes / 2, class Combine>
float fold_lanes(VectorLanes lanes, Combine combine) {
  const VectorLanes half = combine(lanes, lanes_beyond<Distance>(lanes, LaneNumbers{}));
  if constexpr (Distance > 1)
    return fold_lanes<Distance / 2>(half, combine);
  else
    return half[0];
}
inline float sum_of(VectorLanes lanes) {
  return fold_lanes(lanes, [](VectorLanes a, VectorLanes b) { return a + b; });
}
// The larger of both; b where one is NaN.
inline VectorLanes larger_lanes(VectorLanes a, VectorLanes b) { return a > b ? a : b; }
inline float largest_of(VectorLanes lanes) { return fold_lanes(lanes, larger_lanes); }

}  // namespace PEER_VECTORS
}  // namespace peer::ops
