// The best keys of several queries at once: lane l of every vector is a key of query l, and a sorting network sorts them all. Keys are
// compared whole, so that ties need no case of their own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include "peer/ops/rank_key.h"
#include "peer/ops/sorting_network.h"
#include "peer/ops/vector_bytes.h"

namespace peer::ops {
inline namespace PEER_VECTORS {

using KeyColumn __attribute__((vector_size(kVectorBytes))) = RankKey;                     // (kKeyLanes)
using ScoreColumn __attribute__((vector_size(kKeyLanes * sizeof(float)))) = float;        // (kKeyLanes)
using RankColumn __attribute__((vector_size(kKeyLanes * sizeof(float)))) = std::int32_t;  // (kKeyLanes)

inline constexpr int kColumnPicks = 16;                                 // the best keys of a query that are found, falling
inline constexpr int kContenders = 32;                                  // among at most so many
inline constexpr RankKey kNoKey = std::numeric_limits<RankKey>::min();  // below every key

// best = the kColumnPicks best of best and of `count` others, both falling.
template <int count>
[[gnu::always_inline]] inline void merge_best(KeyColumn* best, const KeyColumn* others) {
#pragma GCC unroll 16
  for (int i = 0; i < count; ++i) best[kColumnPicks - 1 - i] = larger(best[kColumnPicks - 1 - i], others[i]);
  sort_columns<kSortBitonic<kColumnPicks>>(best);
}

// Rows become columns: block i, lane j <-> block j, lane i.
template <int distance = 1>
[[gnu::always_inline]] inline void transpose(KeyColumn* block) {
  if constexpr (distance < kKeyLanes) {
    const auto swap = [](KeyColumn & a, KeyColumn & b) __attribute__((always_inline)) {
      [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
        const KeyColumn low = __builtin_shufflevector(a, b, ((I & distance) ? kKeyLanes + I - distance : I)...);
        b = __builtin_shufflevector(a, b, ((I & distance) ? kKeyLanes + I : I + distance)...);
        a = low;
      }
      (std::make_index_sequence<kKeyLanes>());
    };
#pragma GCC unroll 8
    for (int i = 0; i < kKeyLanes; ++i)
      if (!(i & distance)) swap(block[i], block[i + distance]);
    transpose<2 * distance>(block);
  }
}

// keys (kKeyLanes, kColumnPicks), a query after the other <-> columns (kColumnPicks).
inline void load_columns(const RankKey* keys, KeyColumn* columns) {
  for (int first = 0; first < kColumnPicks; first += kKeyLanes) {
    for (int l = 0; l < kKeyLanes; ++l) std::memcpy(columns + first + l, keys + l * kColumnPicks + first, sizeof *columns);
    transpose(columns + first);
  }
}
inline void store_columns(const KeyColumn* columns, RankKey* keys) {
  for (int first = 0; first < kColumnPicks; first += kKeyLanes) {
    KeyColumn block[kKeyLanes];
    std::memcpy(block, columns + first, sizeof block);
    transpose(block);
    for (int l = 0; l < kKeyLanes; ++l) std::memcpy(keys + l * kColumnPicks + first, block + l, sizeof *block);
  }
}

// rank_of(), key_of_rank() and score_of() of every lane.
[[gnu::always_inline]] inline KeyColumn keys_of(ScoreColumn score, KeyColumn not_tie) {
  const auto bits = (RankColumn)(score + 0.0f);
  const RankColumn rising = bits ^ ((bits >> 31) & 0x7fffffff);
  const RankColumn rank = score != score ? RankColumn{} + std::numeric_limits<std::int32_t>::min() : rising;
  return __builtin_convertvector(rank, KeyColumn) << 32 | not_tie;
}
[[gnu::always_inline]] inline ScoreColumn scores_of(KeyColumn keys) {
  const RankColumn rank = __builtin_convertvector(keys >> 32, RankColumn);
  return (ScoreColumn)(rank ^ ((rank >> 31) & 0x7fffffff));
}

// Gathers queries' contenders until there are kKeyLanes of them, and then sorts those of all.
class ContenderColumns {
 public:
  explicit ContenderColumns(std::int64_t k) : k_(k) {}

  // The place of the next query's keys, kContenders at most.
  RankKey* next() { return keys_[queries_]; }
  // `count` >= K of them are there; the K best go to best[0 .. kColumnPicks) at the latest with finish(), kNoKey behind them.
  void add(std::int64_t count, RankKey* best) {
    std::fill(keys_[queries_] + count, keys_[queries_] + kContenders, kNoKey);
    best_[queries_++] = best;
    if (queries_ == kKeyLanes) sort();
  }
  void finish() {
    if (queries_ > 0) sort();
  }

 private:
  void sort() {
    KeyColumn best[kContenders];
    for (int first = 0; first < kContenders; first += kKeyLanes) {
      for (int l = 0; l < kKeyLanes; ++l) std::memcpy(best + first + l, keys_[l] + first, sizeof *best);
      transpose(best + first);
    }
    sort_columns<kSort16>(best + kColumnPicks);
    sort_columns<kSort16>(best);
    merge_best<kColumnPicks>(best, best + kColumnPicks);
    RankKey sorted[kKeyLanes * kColumnPicks];
    store_columns(best, sorted);
    for (int l = 0; l < queries_; ++l) std::fill(std::copy_n(sorted + l * kColumnPicks, k_, best_[l]), best_[l] + kColumnPicks, kNoKey);
    queries_ = 0;
  }

  std::int64_t k_;
  int queries_ = 0;
  RankKey* best_[kKeyLanes];
  RankKey keys_[kKeyLanes][kContenders] = {};  // of lanes that no query has, whatever was there
};

}  // namespace PEER_VECTORS
}  // namespace peer::ops
