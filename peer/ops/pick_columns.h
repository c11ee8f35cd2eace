// The K <= 16 best sums of two halves, of kKeyLanes queries at once.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <utility>

#include "peer/ops/key_columns.h"

namespace peer::ops {
inline namespace PEER_VECTORS {

// The pairs (a, b) of ranks with (a+1)(b+1) <= 16: only they can be among the 16 best, but for ties (PickSelector::best_of_pairs).
inline constexpr auto kCandidatePairs = [] {
  std::array<std::pair<int, int>, 50> pairs{};
  std::size_t n = 0;
  for (int a = 0; a < kColumnPicks; ++a)
    for (int b = 0; (a + 1) * (b + 1) <= kColumnPicks; ++b) pairs[n++] = {a, b};
  return pairs;
}();

// best (kKeyLanes, kColumnPicks): of every query the best sums, falling, of its rows and columns (kKeyLanes, kColumnPicks), falling too.
// Returns one bit for each query whose first k are certain; for the others there is PickSelector.
inline unsigned best_pairs(const RankKey* rows, const RankKey* columns, std::int64_t k, RankKey* best) {
  KeyColumn row[kColumnPicks], column[kColumnPicks];
  load_columns(rows, row), load_columns(columns, column);
  ScoreColumn row_score[kColumnPicks], column_score[kColumnPicks];
  for (int i = 0; i < kColumnPicks; ++i) {
    row_score[i] = scores_of(row[i]), column_score[i] = scores_of(column[i]);
    row[i] = (row[i] & 0xffff) << 16, column[i] = column[i] & 0xffff;  // what each has of the pair's tie
  }
  const auto fill = [&]<std::size_t first, std::size_t... I>(KeyColumn * pairs, std::index_sequence<first>, std::index_sequence<I...>)
      __attribute__((always_inline)) {
    const auto pair = [&](int a, int b) __attribute__((always_inline)) {
      return keys_of(row_score[a] + column_score[b], row[a] | column[b]);
    };
    ((pairs[I] = pair(kCandidatePairs[first + I].first, kCandidatePairs[first + I].second)), ...);
  };
  constexpr std::make_index_sequence<16> kSixteen;
  KeyColumn found[kColumnPicks], others[kColumnPicks];
  fill(found, std::index_sequence<0>(), kSixteen);
  sort_columns<kSort16>(found);
  fill(others, std::index_sequence<16>(), kSixteen);
  sort_columns<kSort16>(others);
  merge_best<16>(found, others);
  fill(others, std::index_sequence<32>(), kSixteen);
  sort_columns<kSort16>(others);
  merge_best<16>(found, others);
  fill(others, std::index_sequence<48>(), std::make_index_sequence<2>());
  sort_columns<kSortBitonic<2>>(others);
  merge_best<2>(found, others);

  // The best of what was left out must be worse than the K-th.
  ScoreColumn border = ScoreColumn{} - std::numeric_limits<float>::infinity();
  for (int a = 1; a < kColumnPicks; ++a) border = larger(row_score[a] + column_score[kColumnPicks / (a + 1)], border);
  const RankColumn certain = border < scores_of(found[k - 1]);
  unsigned bits = 0;
  for (int l = 0; l < kKeyLanes; ++l) bits |= static_cast<unsigned>(certain[l] & 1) << l;
  store_columns(found, best);
  return bits;
}

}  // namespace PEER_VECTORS
}  // namespace peer::ops
