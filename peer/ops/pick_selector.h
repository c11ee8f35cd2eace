// From scores to picks, for one thread at a time: the K best of a half, then the K best sums of two halves.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "peer/ops/rank_key.h"
#include "peer/ops/score_filter.h"

namespace peer::ops {
inline namespace PEER_VECTORS {

// The K best sub-keys of a half, falling.
struct Best {
  float* score;        // (K)
  std::uint32_t* key;  // (K)
};

class PickSelector {
 public:
  static std::int64_t keys_needed(std::int64_t open, std::int64_t k) { return 2 * key_room(std::max(open, k * k)); }
  static std::int64_t indices_needed(std::int64_t open, std::int64_t k) { return 2 * rank_room(std::max(open, k * k)) + k; }
  static std::int64_t ties_needed(std::int64_t open, std::int64_t k) { return std::max(open, k * k); }

  // `keys` holds keys_needed(open, k), `indices` indices_needed(open, k), `ties` ties_needed(open, k).
  PickSelector(std::int64_t open, std::int64_t k, RankKey* keys, std::int32_t* indices, std::uint32_t* ties)
      : k_(k),
        keys_(keys),
        sorted_(keys + keys_needed(open, k) / 2),
        rank_(indices),
        order_(rank_ + rank_room(std::max(open, k * k))),
        partners_(indices + indices_needed(open, k) - k),
        tie_(ties) {
    for (std::int64_t a = 0; a < k; ++a) partners_[a] = static_cast<std::int32_t>(k / (a + 1));
  }

  // The K largest of `count` >= K: score(i) is that of sub-key number(i).
  template <class ScoreAt, class NumberAt>
  void best_of_half(std::int64_t count, ScoreAt&& score, NumberAt&& number, Best best) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) rank_[i] = rank_of(score(i)), tie_[i] = static_cast<std::uint32_t>(number(i));
    sort_best(count);
#pragma omp simd
    for (std::int64_t i = 0; i < k_; ++i) best.score[i] = score_of(sorted_[i]), best.key[i] = tie_of(sorted_[i]);
  }

  // The K best sums of two halves' best. Sums fall along each half, so of the pairs (a, b) of ranks only those with (a+1)(b+1) <= K are
  // ranked at first. Those left out of row a are no better than the first one left out, the pair (a, K/(a+1)), and that pair has at
  // least K no worse than itself: the best of these border pairs bounds the K-th pick from below. Where it is strictly below the K-th
  // pick, so is all that was left out, and the picks are exact. Where it is not (rounding or different sub-keys made sums equal, or the
  // K-th is NaN), all K*K pairs are ranked.
  void best_of_pairs(Best rows, Best columns, std::int32_t* row, std::int32_t* column, float* score) {
    float border = -kInfinity;
    for (std::int64_t a = 1; a < k_; ++a) {
      const float sum = rows.score[a] + columns.score[partners_[a]];
      border = sum > border ? sum : border;
    }
    const float worst_of_first = rows.score[0] + columns.score[k_ - 1];
    rank_pairs(rows, columns, worst_of_first > border ? worst_of_first : border, [this](std::int64_t a) { return partners_[a]; });
    if (!(border < score_of(sorted_[k_ - 1]))) rank_pairs(rows, columns, -kInfinity, [this](std::int64_t) { return k_; });
#pragma omp simd
    for (std::int64_t i = 0; i < k_; ++i) {
      const std::uint32_t tie = tie_of(sorted_[i]);
      row[i] = static_cast<std::int32_t>(tie >> 16);
      column[i] = static_cast<std::int32_t>(tie & 0xffff);
      score[i] = score_of(sorted_[i]);
    }
  }

 private:
  // Ranks the pairs (a, b), b < count_of(a), that are not below `bound`: at least K, since NaN is not below anything.
  template <class CountOf>
  void rank_pairs(Best rows, Best columns, float bound, CountOf&& count_of) {
    std::int64_t pairs = 0;
    for (std::int64_t a = 0; a < k_; ++a)
      for (std::int64_t b = 0, count = count_of(a); b < count; ++b) {
        const float sum = rows.score[a] + columns.score[b];
        rank_[pairs] = rank_of(sum), tie_[pairs] = rows.key[a] << 16 | columns.key[b];
        pairs += !(sum < bound);
      }
    sort_best(pairs);
  }

  // sorted_[0 .. K) = the best of rank_ and tie_. Equal scores are rare, so that mostly the ranks alone tell.
  void sort_best(std::int64_t count) {
    if (order_ranks(rank_, count, order_)) {
      for (std::int64_t i = 0; i < k_; ++i) sorted_[i] = key_of_rank(rank_[order_[i]], tie_[order_[i]]);
      return;
    }
    for (std::int64_t i = 0; i < count; ++i) keys_[i] = key_of_rank(rank_[i], tie_[i]);
    take_largest(keys_, count, k_, sorted_);
  }

  static constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::int64_t k_;
  RankKey *keys_, *sorted_;
  std::int32_t *rank_, *order_, *partners_;
  std::uint32_t* tie_;
};

}  // namespace PEER_VECTORS
}  // namespace peer::ops
