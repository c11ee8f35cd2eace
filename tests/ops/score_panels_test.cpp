#include "peer/ops/score_panels.h"

#include <cmath>
#include <vector>

#include "peer/ops/score_filter.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {

double rounded(float x) { return std::bit_cast<float>(static_cast<std::uint32_t>(bfloat16_of(x)) << 16); }

}  // namespace

TEST_CASE("score_block gives every query's scores and the largest of each lane") {
  for (std::int64_t open : {1, 15, 16, 17, 64, 100, 333})
    for (std::int64_t width : {1, 7, 16, 33}) {
      CAPTURE(open, width);
      const Buffer<float> rows = random_normal(open * width, 1), queries = random_normal(ops::kBlockQueries * width, 2);
      constexpr std::int64_t kLanes = 32;
      ops::SubkeySet set{rows.data(), open, width, nullptr};
      std::vector<ops::Step> panels(static_cast<std::size_t>(set.panel_count() * set.panel_steps<ops::Fp32Steps>())), row(panels.size());
      set.panels = panels.data();
      for (std::int64_t p = 0; p < set.panel_count(); ++p) ops::pack_panel<ops::Fp32Steps>(set, p, row.data());
      std::vector<float> scores(static_cast<std::size_t>(ops::kBlockQueries * set.row_scores())), maxima(ops::kBlockQueries * kLanes);
      ops::score_block<ops::Fp32Steps>(reinterpret_cast<const ops::Step*>(queries.data()), set, scores.data(), maxima.data(), kLanes);
      for (std::int64_t q = 0; q < ops::kBlockQueries; ++q) {
        const float* of_query = scores.data() + q * set.row_scores();
        std::vector<float> got(of_query, of_query + open), largest(kLanes);
        std::vector<double> expected(got.size());
        for (std::int64_t i = 0; i < open; ++i)
          for (std::int64_t j = 0; j < width; ++j) expected[i] += static_cast<double>(rows[i * width + j]) * queries[q * width + j];
        CHECK(relative_error(got, expected) < 1e-6);
        ops::lane_maxima(of_query, open, kLanes, largest.data());
        CHECK(std::equal(largest.begin(), largest.end(), maxima.begin() + q * kLanes));
      }
    }
}

TEST_CASE("no score of numbers rounded to bf16 is further from the fp32 score than the margin, not where all round the same way") {
  const float just_below_the_middle = 1 + 0x1p-8f - 0x1p-20f;  // of two bf16 numbers: loses 2^-8
  for (std::int64_t width : {1, 16, 128, 1000})
    for (bool aligned : {false, true}) {
      auto x = random_normal(width, 1), y = random_normal(width, 2);
      if (aligned)
        for (std::int64_t i = 0; i < width; ++i) x[i] = y[i] = just_below_the_middle;
      double exact = 0, near = 0;
      for (std::int64_t i = 0; i < width; ++i) exact += static_cast<double>(x[i]) * y[i], near += rounded(x[i]) * rounded(y[i]);
      const float margin = ops::margin(ops::norms_of(x.data(), width), ops::norms_of(y.data(), width), width);
      CHECK(std::abs(near - exact) <= margin);
      if (aligned) CHECK(std::abs(near - exact) > 0.9 * margin);  // no wider than it must be
    }
}

TEST_CASE("where norms are not finite, tiny or huge the margin says nothing") {
  const float inf = std::numeric_limits<float>::infinity();
  for (const auto& [query, key] : {std::pair{inf, 1.0f}, {1.0f, inf}, {0.0f, 1.0f}, {1.0f, 1e-30f}, {1e30f, 1e-5f}, {std::nanf(""), 1.0f}})
    CHECK(std::isnan(ops::margin({query, 0}, {key, 0}, 128)));
}
