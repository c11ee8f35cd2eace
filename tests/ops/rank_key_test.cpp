#include "peer/ops/rank_key.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "peer/ops/score_filter.h"
#include "tests/support/catch.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;
using ops::rank_key;

namespace {
constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNaN = std::numeric_limits<float>::quiet_NaN();
}

TEST_CASE("rank keys order scores from NaN to infinity, and ties from the higher to the lower number") {
  const float rising[] = {-kInfinity, -3e38f, -1.0f, -1e-40f, 0.0f, 1e-40f, 1.0f, 3e38f, kInfinity};
  ops::RankKey previous = rank_key(kNaN, 0);
  for (float score : rising)
    for (std::uint32_t tie : {0xffffffffu, 7u, 0u}) {
      CHECK(rank_key(score, tie) > previous);
      CHECK(ops::score_of(rank_key(score, tie)) == score);
      CHECK(ops::tie_of(rank_key(score, tie)) == tie);
      previous = rank_key(score, tie);
    }
  CHECK(rank_key(-0.0f, 5) == rank_key(0.0f, 5));
  CHECK(rank_key(-kNaN, 5) == rank_key(kNaN, 5));
  CHECK(std::isnan(ops::score_of(rank_key(kNaN, 5))));
}

TEST_CASE("take_largest gives the largest keys in falling order for any count") {
  for (std::int64_t count : {1, 2, 7, 8, 9, 22, 64, 95, 96, 97, 300})
    for (std::int64_t wanted : {std::int64_t{1}, (count + 1) / 2, count}) {
      const auto scores = random_normal(count, 1);
      std::vector<ops::RankKey> keys(static_cast<std::size_t>(ops::key_room(count))), sorted(keys.size());
      for (std::int64_t i = 0; i < count; ++i) keys[i] = rank_key(std::round(scores[i]), static_cast<std::uint32_t>(i));
      auto expected = keys;
      std::sort(expected.begin(), expected.begin() + count, std::greater<>());
      ops::take_largest(keys.data(), count, wanted, sorted.data());
      CHECK(std::equal(sorted.begin(), sorted.begin() + wanted, expected.begin()));
    }
}

TEST_CASE("the score filter's bound is reached by at least K scores, and every score that reaches it is collected") {
  for (std::int64_t count : {1, 15, 16, 31, 32, 33, 64, 100, 1024, 1029}) {
    auto scores = random_normal(count, 1);
    for (std::int64_t i = 0; i < count; i += 5) scores[i] = kNaN;
    for (std::int64_t k : {1, 3, 8}) {
      std::vector<float> maxima(16);
      ops::lane_maxima(scores.data(), count, 16, maxima.data());
      const float bound = ops::kth_largest_bound(maxima.data(), 16, k);
      std::vector<std::int32_t> expected, index(static_cast<std::size_t>(count + ops::kScoreLanes));
      for (std::int64_t i = 0; i < count; ++i)
        if (scores[i] >= bound) expected.push_back(static_cast<std::int32_t>(i));
      const std::int64_t found = ops::collect_reaching(scores.data(), count, bound, index.data());
      index.resize(static_cast<std::size_t>(found));
      CHECK(index == expected);
      CHECK((bound == -kInfinity || found >= k));
      if (count >= 64) CHECK(bound > -kInfinity);
    }
  }
}
