#include <cmath>

#include "peer/base/error.h"
#include "peer/base/philox.h"
#include "tests/support/catch.h"
#include "trainer/evaluation/bootstrap.h"

using namespace peer;
using namespace peer::trainer;

namespace {

constexpr double kTrueRate = 2.5;  // bits per byte of the synthetic documents, as a ratio of expectations

// Documents of very unequal lengths, each with a difficulty of its own that has mean zero and nothing to do with the length.
std::vector<DocumentBits> synthetic(std::uint64_t seed, int count) {
  const Random length(seed, Purpose::kTest, 1), difficulty(seed, Purpose::kTest, 2);
  std::vector<DocumentBits> documents(count);
  for (int i = 0; i < count; ++i) {
    documents[i].bytes = static_cast<std::int64_t>(200 * std::exp(0.7 * length.normal(i))) + 1;
    documents[i].bits = static_cast<double>(documents[i].bytes) * (kTrueRate + 0.4 * difficulty.normal(i));
  }
  return documents;
}

double width(const Interval& interval) { return interval.high - interval.low; }

}  // namespace

TEST_CASE("bits per byte is a ratio of sums, not a mean of ratios") {
  CHECK(bits_per_byte({{10, 10}, {300, 100}}) == Approx(310.0 / 110));
  CHECK(std::isnan(bits_per_byte({})));
  CHECK(std::isnan(bits_per_byte({{0, 0}})));
}

TEST_CASE("the 95 % interval covers the truth in about 95 % of experiments") {
  constexpr int kExperiments = 300;
  int covered = 0;
  for (int experiment = 0; experiment < kExperiments; ++experiment) {
    const Interval interval = bootstrap(synthetic(experiment, 60), 400, experiment);
    covered += interval.low <= kTrueRate && kTrueRate <= interval.high;
  }
  CHECK(covered >= 0.90 * kExperiments);
  CHECK(covered <= 0.99 * kExperiments);
}

TEST_CASE("the interval holds the estimate and narrows with the square root of the number of documents") {
  const auto many = synthetic(1, 1600);
  const std::vector<DocumentBits> few(many.begin(), many.begin() + 100);
  const Interval wide = bootstrap(few, 2000, 7), narrow = bootstrap(many, 2000, 7);
  CHECK(wide.low < bits_per_byte(few));
  CHECK(wide.high > bits_per_byte(few));
  CHECK(width(wide) / width(narrow) == Approx(4).epsilon(0.35));
}

TEST_CASE("a large document weighs as much as its bytes") {
  // Nine small documents at 1 bit per byte and one at 3 that holds nearly all bytes: every draw with it is near 3, the others are 1.
  std::vector<DocumentBits> documents(9, {10, 10});
  documents.push_back({3e6, 1000000});
  const Interval interval = bootstrap(documents, 2000, 3);
  CHECK(interval.low == Approx(1));
  CHECK(interval.high == Approx(3).margin(1e-3));
}

TEST_CASE("pairing narrows the interval of a difference to what really differs") {
  const auto before = synthetic(5, 80);
  auto after = before;
  const Random noise(6, Purpose::kTest);
  for (std::size_t i = 0; i < after.size(); ++i) after[i].bits += static_cast<double>(after[i].bytes) * (0.01 + 0.01 * noise.normal(i));
  const Interval paired = paired_bootstrap(before, after, 2000, 9);
  CHECK(paired.low > 0);  // a difference of 0.01 is seen under a spread of 0.4 from document to document
  CHECK(paired.low < 0.01);
  CHECK(paired.high > 0.01);
  CHECK(width(paired) < 0.1 * width(bootstrap(before, 2000, 9)));
}

TEST_CASE("the paired difference of equal scores is exactly zero, and its sign is that of after minus before") {
  const auto documents = synthetic(2, 30);
  const Interval same = paired_bootstrap(documents, documents, 500, 1);
  CHECK(same.low == 0);
  CHECK(same.high == 0);
  auto worse = documents;
  for (auto& document : worse) document.bits += 0.5 * static_cast<double>(document.bytes);
  CHECK(paired_bootstrap(documents, worse, 500, 1).low == Approx(0.5));
  CHECK(paired_bootstrap(worse, documents, 500, 1).high == Approx(-0.5));
}

TEST_CASE("the bootstrap is deterministic in its seed") {
  const auto documents = synthetic(3, 50);
  const Interval first = bootstrap(documents, 1000, 11), second = bootstrap(documents, 1000, 11), other = bootstrap(documents, 1000, 12);
  CHECK(first.low == second.low);
  CHECK(first.high == second.high);
  CHECK(first.low != other.low);
}

TEST_CASE("fewer than two documents have no interval") {
  for (const auto& documents : {std::vector<DocumentBits>{}, std::vector<DocumentBits>{{20, 10}}}) {
    CHECK(std::isnan(bootstrap(documents, 100, 1).low));
    CHECK(std::isnan(paired_bootstrap(documents, documents, 100, 1).high));
  }
}

TEST_CASE("a draw of empty documents alone does not spoil the interval") {
  const Interval interval = bootstrap({{0, 0}, {20, 10}}, 400, 1);
  CHECK(interval.low == Approx(2));
  CHECK(interval.high == Approx(2));
}

TEST_CASE("scores of different documents cannot be paired") {
  CHECK_THROWS_AS(paired_bootstrap({{1, 1}}, {{1, 1}, {1, 1}}, 100, 1), ContractError);
  CHECK_THROWS_AS(paired_bootstrap({{1, 1}, {1, 1}}, {{1, 1}, {1, 2}}, 100, 1), ContractError);
  CHECK_THROWS_AS(bootstrap({{1, 1}, {kMissing, 1}}, 100, 1), ContractError);
  CHECK_THROWS_AS(bootstrap({{1, 1}, {1, 1}}, 0, 1), ContractError);
}

TEST_CASE("the interval of a mean over domains covers the truth in about 95 % of experiments, and narrows with their number") {
  const auto worse = [](std::uint64_t seed) {
    DocumentPairs pairs{synthetic(seed, 60), synthetic(seed, 60)};
    const Random noise(seed, Purpose::kTest, 3);
    for (std::size_t i = 0; i < pairs.after.size(); ++i)
      pairs.after[i].bits += static_cast<double>(pairs.after[i].bytes) * (0.1 + 0.2 * noise.normal(i));
    return pairs;
  };
  constexpr int kExperiments = 200;
  int covered = 0;
  for (std::uint64_t e = 0; e < kExperiments; ++e) {
    const Interval interval = mean_paired_bootstrap({worse(3 * e), worse(3 * e + 1), worse(3 * e + 2)}, 300, e);
    covered += interval.low <= 0.1 && 0.1 <= interval.high;
  }
  CHECK(covered >= 0.88 * kExperiments);
  CHECK(covered <= 0.99 * kExperiments);

  std::vector<DocumentPairs> domains;
  for (std::uint64_t d = 0; d < 16; ++d) domains.push_back(worse(d));
  const Interval one = mean_paired_bootstrap({domains[0]}, 2000, 5), all = mean_paired_bootstrap(domains, 2000, 5);
  CHECK(width(one) / width(all) == Approx(4).epsilon(0.5));
  const Interval same = mean_paired_bootstrap({{domains[0].before, domains[0].before}}, 100, 5);
  CHECK(same.low == 0);
  CHECK(same.high == 0);
  CHECK(std::isnan(mean_paired_bootstrap({}, 100, 5).high));
}

TEST_CASE("two sets of documents at the same rate differ by nothing, at another rate by the difference") {
  const auto some = synthetic(1, 400), others = synthetic(2, 300);
  std::vector<DocumentBits> harder = others;
  for (DocumentBits& d : harder) d.bits += 0.5 * static_cast<double>(d.bytes);
  const Interval same = unpaired_bootstrap(some, others, 1000, 3), apart = unpaired_bootstrap(harder, some, 1000, 3);
  CHECK(same.low < 0);
  CHECK(same.high > 0);
  CHECK(apart.low < 0.5);
  CHECK(apart.high > 0.5);
  CHECK(apart.low > 0.2);
  CHECK(std::isnan(unpaired_bootstrap(some, {{1, 1}}, 100, 3).low));
}
