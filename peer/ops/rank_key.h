// Picks compared as integers: a score and its tie rule in one word, so that ranking is one comparison and never depends on an order of
// visits.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>

#include "peer/ops/vector_bytes.h"

namespace peer::ops {
inline namespace PEER_VECTORS {

//   bit 63 ........ 32 31 ......... 0
//       the score      ~tie             a larger key is a better pick: a higher score, then a lower tie
using RankKey = std::int64_t;

// The score's bits as an integer that rises with it. -0 equals 0; NaN is below -infinity.
constexpr std::int32_t rank_of(float score) {
  const std::int32_t bits = std::bit_cast<std::int32_t>(score + 0.0f);  // the sum turns -0 into 0
  const std::int32_t rising = bits ^ ((bits >> 31) & 0x7fffffff);
  return score != score ? std::numeric_limits<std::int32_t>::min() : rising;
}

constexpr RankKey key_of_rank(std::int32_t rank, std::uint32_t tie) {
  return static_cast<RankKey>(static_cast<std::uint64_t>(static_cast<std::uint32_t>(rank)) << 32 | ~tie);
}
constexpr RankKey rank_key(float score, std::uint32_t tie) { return key_of_rank(rank_of(score), tie); }

constexpr std::uint32_t tie_of(RankKey key) { return ~static_cast<std::uint32_t>(static_cast<std::uint64_t>(key) & 0xffffffffu); }

constexpr float score_of(RankKey key) {
  const std::int32_t rank = static_cast<std::int32_t>(key >> 32);
  return std::bit_cast<float>(rank ^ ((rank >> 31) & 0x7fffffff));
}

inline constexpr std::int64_t kKeyLanes = kVectorBytes / sizeof(RankKey);  // keys compared at once
inline constexpr std::int64_t kCountLimit = 12 * kKeyLanes;                // above this, sorting beats counting

// Room for `count` keys: the kernel below reads whole vectors, and writes one key behind the last.
inline std::int64_t key_room(std::int64_t count) { return (count / kKeyLanes + 1) * kKeyLanes; }

// sorted[0 .. wanted) = the largest of `keys` (all different), in falling order. Both hold key_room(count); what lies behind is lost.
// Few keys are ranked by counting the larger ones, which has no branch to mispredict: count^2 / kKeyLanes comparisons.
inline void take_largest(RankKey* keys, std::int64_t count, std::int64_t wanted, RankKey* sorted) {
  if (count > kCountLimit) {
    std::partial_sort_copy(keys, keys + count, sorted, sorted + wanted, std::greater<>());
    return;
  }
  using Lanes __attribute__((vector_size(kKeyLanes * sizeof(RankKey)))) = RankKey;
  std::fill(keys + count, keys + key_room(count), std::numeric_limits<RankKey>::min());  // below every key: all land on sorted[count]
  for (std::int64_t first = 0; first < count; first += kKeyLanes) {
    Lanes mine, larger{};
    std::memcpy(&mine, keys + first, sizeof mine);
    for (std::int64_t j = 0; j < count; ++j) larger -= keys[j] > mine;
    RankKey place[kKeyLanes];
    std::memcpy(place, &larger, sizeof place);
    for (std::int64_t i = 0; i < kKeyLanes; ++i) sorted[place[i]] = keys[first + i];
  }
}

}  // namespace PEER_VECTORS
}  // namespace peer::ops
