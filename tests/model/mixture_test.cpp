#include "peer/model/mixture.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "peer/base/philox.h"
#include "tests/support/catch.h"

using namespace peer;
using model::Mixture;

TEST_CASE("without switching, a document costs at most -log2 prior more bits than any one view, however the views differ") {
  const Random random(3, Purpose::kTest);
  std::uint64_t draw = 0;
  for (int trial = 0; trial < 300; ++trial) {
    const int views = 1 + static_cast<int>(random.below(draw++, 6)), length = 1 + static_cast<int>(random.below(draw++, 3000));
    Mixture mixture(views, {.newest_prior = 0.1, .switch_share = 0});
    std::vector<double> own(views), log_p(views);
    const std::vector<double> prior(mixture.prior().begin(), mixture.prior().end());
    const double gap = 4 * random.uniform(draw++);  // thousands of nats between the views: weights far below the smallest double
    double mixed = 0;
    for (int t = 0; t < length; ++t) {
      for (int g = 0; g < views; ++g) {
        const bool favoured = (t < length / 2) == (g % 2 == 0);
        log_p[g] = -0.5 - random.uniform(draw++) - (favoured ? 0 : gap);
        own[g] += log_p[g];
      }
      mixed += mixture.update(log_p);
    }
    for (int g = 0; g < views; ++g) CHECK(-mixed <= -own[g] - std::log(prior[g]) + 1e-6);
  }
}

TEST_CASE("the prior gives the newest view its share, the older the rest as before, and sums to one") {
  Mixture mixture(4, {.newest_prior = 0.1, .switch_share = 0});
  CHECK(mixture.prior()[3] == Approx(0.1));
  CHECK(mixture.prior()[2] == Approx(0.09));
  CHECK(mixture.prior()[1] == Approx(0.081));
  CHECK(mixture.prior()[0] == Approx(0.729));
  CHECK(std::accumulate(mixture.prior().begin(), mixture.prior().end(), 0.0) == Approx(1));
}

TEST_CASE("with a fixed share the mixture follows a switch inside a document within a few tokens") {
  Mixture mixture(2, {.newest_prior = 0.1, .switch_share = 1e-3});
  const std::vector<double> first = {-1.0, -3.0}, second = {-3.0, -1.0};
  for (int t = 0; t < 1000; ++t) mixture.update(first);
  CHECK(mixture.weights()[0] > 0.99);
  for (int t = 0; t < 12; ++t) mixture.update(second);
  CHECK(mixture.weights()[1] > 0.99);
  mixture.start_document();
  CHECK(mixture.weights()[0] == Approx(0.9));
}

TEST_CASE("a view that is not asked keeps its switch share alone, and wins the weight back when it is asked again") {
  Mixture mixture(2, {.newest_prior = 0.1, .switch_share = 1e-3});
  const double nothing = -std::numeric_limits<double>::infinity();
  CHECK(mixture.update(std::vector<double>{-1.0, nothing}) == Approx(-1.0 + std::log(0.9)));
  CHECK(mixture.weights()[1] == Approx(1e-3 * 0.1));
  CHECK(mixture.update(std::vector<double>{-1.0, nothing}) == Approx(-1.0 + std::log1p(-1e-4)));
  for (int t = 0; t < 12; ++t) mixture.update(std::vector<double>{-3.0, -1.0});
  CHECK(mixture.weights()[1] > 0.99);
}

TEST_CASE("one view is its own mixture, and a prior outside (0, 1) is refused") {
  Mixture mixture(1, {});
  const std::vector<double> log_p = {-2.25};
  CHECK(mixture.update(log_p) == Approx(-2.25));
  CHECK_THROWS_AS(Mixture(2, {.newest_prior = 1.0}), UsageError);
}
