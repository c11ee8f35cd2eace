#include "peer/ops/pick_columns.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "peer/ops/pick_selector.h"
#include "peer/ops/score_filter.h"
#include "tests/support/catch.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;
using ops::kColumnPicks, ops::kKeyLanes, ops::RankKey;

namespace {

// Every list of `count` zeros and ones that `wanted` wants, one in each lane, sorted by the network. A network that sorts those sorts all
// (Knuth 1973, 5.3.4, theorem Z).
template <const auto& kNetwork, class Wanted>
bool sorts_zeros_and_ones(int count, Wanted&& wanted) {
  bool sorted = true;
  for (unsigned first = 0; first < 1u << count; first += ops::kVectorLanes) {
    ops::VectorLanes columns[16] = {};
    for (int i = 0; i < count; ++i)
      for (unsigned l = 0; l < ops::kVectorLanes; ++l) columns[i][l] = static_cast<float>((first + l) >> i & 1);
    ops::sort_columns<kNetwork>(columns);
    for (unsigned l = 0; l < ops::kVectorLanes && first + l < 1u << count; ++l)
      for (int i = 1; wanted(first + l) && i < count; ++i) sorted = sorted && columns[i - 1][l] >= columns[i][l];
  }
  return sorted;
}

// Lists of falling keys whose scores are rounded so that many are equal; those of `k` keys end in kNoKey.
std::vector<RankKey> falling_lists(std::int64_t lists, std::int64_t k, float grain, std::uint64_t seed) {
  const auto scores = random_normal(lists * k, seed);
  std::vector<RankKey> keys(static_cast<std::size_t>(lists * kColumnPicks), ops::kNoKey);
  for (std::int64_t l = 0; l < lists; ++l) {
    const auto list = keys.begin() + l * kColumnPicks;
    for (std::int64_t i = 0; i < k; ++i)
      list[i] = ops::rank_key(grain > 0 ? grain * std::round(scores[l * k + i] / grain) : scores[l * k + i],
                              static_cast<std::uint32_t>((i * 7 + l) % 64));
    std::sort(list, list + k, std::greater<>());
  }
  return keys;
}

}  // namespace

TEST_CASE("sorting networks sort every list of zeros and ones") {
  const auto all = [](unsigned) { return true; };
  CHECK(sorts_zeros_and_ones<ops::kSort8>(8, all));
  CHECK(sorts_zeros_and_ones<ops::kSort16>(16, all));
  const auto bitonic = [](unsigned bits) {  // zeros, ones, zeros or ones, zeros, ones
    return std::popcount((bits ^ bits >> 1) & 0x7fffu) <= 2;
  };
  CHECK(sorts_zeros_and_ones<ops::kSortBitonic<8>>(8, [&](unsigned bits) { return std::popcount((bits ^ bits >> 1) & 0x7fu) <= 2; }));
  CHECK(sorts_zeros_and_ones<ops::kSortBitonic<16>>(16, bitonic));
  CHECK_FALSE(sorts_zeros_and_ones<ops::kSortBitonic<16>>(16, all));
}

TEST_CASE("columns hold each query's keys in its lane, there and back") {
  std::vector<RankKey> keys(kKeyLanes * kColumnPicks), back(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = static_cast<RankKey>(i);
  ops::KeyColumn columns[kColumnPicks];
  ops::load_columns(keys.data(), columns);
  for (int i = 0; i < kColumnPicks; ++i)
    for (int l = 0; l < kKeyLanes; ++l) CHECK(columns[i][l] == l * kColumnPicks + i);
  ops::store_columns(columns, back.data());
  CHECK(back == keys);
}

TEST_CASE("keys and scores of lanes are those of single numbers, NaN and signed zeros included") {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  for (const float score : {1.5f, -1.5f, 0.0f, -0.0f, 1e-40f, -1e-40f, inf, -inf, nan, -nan}) {
    const ops::KeyColumn keys = ops::keys_of(ops::ScoreColumn{} + score, ops::KeyColumn{} + 0xfffffffaLL);
    const ops::ScoreColumn scores = ops::scores_of(keys);
    for (int l = 0; l < kKeyLanes; ++l) {
      CHECK(keys[l] == ops::rank_key(score, 5));
      CHECK((scores[l] == score || (std::isnan(scores[l]) && std::isnan(score))));
    }
  }
}

TEST_CASE("contenders of any number of queries are sorted, the K best kept") {
  for (const std::int64_t k : {1, 7, 16})
    for (const std::int64_t queries : {std::int64_t{1}, kKeyLanes, 2 * kKeyLanes + 1}) {
      ops::ContenderColumns columns(k);
      std::vector<RankKey> best(static_cast<std::size_t>(queries * kColumnPicks)), expected(best.size(), ops::kNoKey);
      for (std::int64_t q = 0; q < queries; ++q) {
        const std::int64_t count = std::max<std::int64_t>(k, q % 2 == 0 ? ops::kContenders : 19);
        const auto scores = random_normal(count, 5 + static_cast<std::uint64_t>(q));
        RankKey* keys = columns.next();
        for (std::int64_t i = 0; i < count; ++i) keys[i] = ops::rank_key(std::round(scores[i]), static_cast<std::uint32_t>(i));
        std::vector<RankKey> sorted(keys, keys + count);
        std::sort(sorted.begin(), sorted.end(), std::greater<>());
        std::copy_n(sorted.begin(), k, expected.begin() + q * kColumnPicks);
        columns.add(count, best.data() + q * kColumnPicks);
      }
      columns.finish();
      CHECK(best == expected);
    }
}

TEST_CASE("the best pairs of columns are those of one query at a time wherever they are certain") {
  std::int64_t certain_ones = 0, all = 0;
  for (const std::int64_t k : {1, 2, 5, 8, 15, 16})
    for (const float grain : {0.0f, 0.01f, 1.0f}) {
      std::vector<RankKey> scratch(static_cast<std::size_t>(ops::PickSelector::keys_needed(64, k)));
      ops::PickSelector selector(64, k, scratch.data());
      const auto rows = falling_lists(kKeyLanes, k, grain, 11), columns = falling_lists(kKeyLanes, k, grain, 12);
      std::vector<RankKey> best(rows.size());
      const unsigned certain = ops::best_pairs(rows.data(), columns.data(), k, best.data());
      for (std::int64_t l = 0; l < kKeyLanes; ++l, ++all) {
        if (!(certain >> l & 1)) continue;
        ++certain_ones;
        const RankKey* expected = selector.best_of_pairs(rows.data() + l * kColumnPicks, columns.data() + l * kColumnPicks);
        CHECK(std::equal(expected, expected + k, best.data() + l * kColumnPicks));
      }
      if (grain == 0) CHECK(certain == (1u << kKeyLanes) - 1);
      if (grain == 1 && k == 16) CHECK(certain != (1u << kKeyLanes) - 1);  // equal sums everywhere
    }
  CHECK(2 * certain_ones > all);
}

TEST_CASE("bounds of several queries at once are those of one at a time") {
  constexpr std::int64_t kQueries = 12, kLanes = 32;
  auto maxima = random_normal(kQueries * kLanes, 7);
  for (std::int64_t i = 0; i < kLanes; ++i) maxima[i] = std::round(maxima[i]);
  for (std::int64_t i = 0; i < 20; ++i) maxima[kLanes + i] = -std::numeric_limits<float>::infinity();
  std::vector<float> bounds(kQueries);
  ops::sixteenth_largest_bounds(maxima.data(), kQueries, bounds.data());
  for (std::int64_t q = 0; q < kQueries; ++q) {
    CAPTURE(q);
    CHECK(bounds[q] == ops::kth_largest_bound(maxima.data() + q * kLanes, kLanes, 16));
  }
}
