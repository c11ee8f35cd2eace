// From scores to picks, for one thread at a time: the K best of a half, then the K best sums of two halves. Here for any K and any scores;
// pick_columns.h does the same for several queries at once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "peer/ops/rank_key.h"

namespace peer::ops {
inline namespace PEER_VECTORS {

// The tie rule of a pair, of those of its halves: the lower row, then the lower column.
constexpr std::uint32_t tie_of_pair(RankKey row, RankKey column) { return tie_of(row) << 16 | (tie_of(column) & 0xffff); }

class PickSelector {
 public:
  static std::int64_t keys_needed(std::int64_t open, std::int64_t k) { return 2 * key_room(std::max(open, k * k)); }

  // `keys` holds keys_needed(open, k).
  PickSelector(std::int64_t open, std::int64_t k, RankKey* keys) : k_(k), keys_(keys), sorted_(keys + key_room(std::max(open, k * k))) {}

  // best[0 .. K) = the largest of `count` >= K keys, falling.
  template <class KeyAt>
  void best_of_half(std::int64_t count, KeyAt&& key, RankKey* best) {
    for (std::int64_t i = 0; i < count; ++i) keys_[i] = key(i);
    take_largest(keys_, count, k_, sorted_);
    std::copy_n(sorted_, k_, best);
  }

  // The K best sums of two halves' best, falling, their tie that of the pair; valid until the next call. Sums fall along each half, so of
  // the pairs (a, b) of ranks only those with (a+1)(b+1) <= K are ranked at first. Those left out of row a are no better than the first one
  // left out, the pair (a, K/(a+1)), and that pair has at least K no worse than itself: the best of these border pairs bounds the K-th pick
  // from below. Where it is strictly below the K-th pick, so is all that was left out, and the picks are exact. Where it is not (rounding
  // or different sub-keys made sums equal, or the K-th is NaN), all K*K pairs are ranked.
  const RankKey* best_of_pairs(const RankKey* rows, const RankKey* columns) {
    float border = -std::numeric_limits<float>::infinity();
    for (std::int64_t a = 1; a < k_; ++a) {
      const float sum = score_of(rows[a]) + score_of(columns[k_ / (a + 1)]);
      border = sum > border ? sum : border;
    }
    rank_pairs(rows, columns, [this](std::int64_t a) { return k_ / (a + 1); });
    if (!(border < score_of(sorted_[k_ - 1]))) rank_pairs(rows, columns, [this](std::int64_t) { return k_; });
    return sorted_;
  }

 private:
  // Ranks the pairs (a, b), b < count_of(a).
  template <class CountOf>
  void rank_pairs(const RankKey* rows, const RankKey* columns, CountOf&& count_of) {
    std::int64_t pairs = 0;
    for (std::int64_t a = 0; a < k_; ++a)
      for (std::int64_t b = 0, count = count_of(a); b < count; ++b)
        keys_[pairs++] = rank_key(score_of(rows[a]) + score_of(columns[b]), tie_of_pair(rows[a], columns[b]));
    take_largest(keys_, pairs, k_, sorted_);
  }

  std::int64_t k_;
  RankKey *keys_, *sorted_;
};

}  // namespace PEER_VECTORS
}  // namespace peer::ops
