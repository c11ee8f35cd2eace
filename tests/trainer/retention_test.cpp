#include "trainer/evaluation/retention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "peer/base/error.h"
#include "tests/support/catch.h"

using namespace peer;
using namespace peer::trainer;

namespace {

RetentionMatrix matrix_with(std::vector<std::vector<double>> loss, std::vector<double> naive = {}) {
  RetentionMatrix matrix;
  matrix.stages = {"start"};
  for (std::size_t j = 0; j < loss.front().size(); ++j) {
    matrix.domains.push_back(std::to_string(j + 1));
    matrix.stages.push_back(matrix.domains.back());
    matrix.learnt.push_back(j + 1);
  }
  matrix.loss = std::move(loss);
  matrix.naive = std::move(naive);
  return matrix;
}

// Three domains, worked out by hand in the first test.
RetentionMatrix worked_example() { return matrix_with({{8, 7, 6}, {2, 5, 4}, {2.5, 3, 5}, {2.25, 3.5, 1}}, {2, 2.5, 1.5}); }

}  // namespace

TEST_CASE("three domains give the numbers that one computes by hand") {
  const RetentionNumbers numbers = derive(worked_example());
  CHECK(numbers.final_average == Approx((2.25 + 3.5 + 1) / 3));
  CHECK(numbers.backward_transfer == Approx(((2 - 2.25) + (3 - 3.5)) / 2));
  CHECK(numbers.forward_transfer == Approx(((7 - 5) + (6 - 5)) / 2.0));
  REQUIRE(numbers.forgetting.size() == 3);
  CHECK(numbers.forgetting[0] == Approx(2.25 - 2));
  CHECK(numbers.forgetting[1] == Approx(3.5 - 3));
  CHECK(std::isnan(numbers.forgetting[2]));
  CHECK(numbers.forgetting_mean == Approx(0.375));
  CHECK(numbers.forgetting_max == Approx(0.5));
  CHECK(numbers.plasticity[0] == Approx((8 - 2) / (8 - 2.0)));
  CHECK(numbers.plasticity[1] == Approx((5 - 3) / (5 - 2.5)));
  CHECK(numbers.plasticity[2] == Approx((5 - 1) / (5 - 1.5)));
  CHECK(numbers.plasticity_mean == Approx((1 + 0.8 + 8.0 / 7) / 3));
  CHECK(numbers.retention[0] == Approx((8 - 2.25) / (8 - 2)));
  CHECK(numbers.retention[1] == Approx((5 - 3.5) / (5 - 3)));  // of its own stage's gain: it began at 5, not at the 7 before the stream
  CHECK(std::isnan(numbers.retention[2]));
  CHECK(numbers.retention_mean == Approx((5.75 / 6 + 0.75) / 2));
}

TEST_CASE("two domains: forgetting is the last row minus the only earlier one") {
  const RetentionNumbers numbers = derive(matrix_with({{8, 8}, {2, 5}, {3, 1}}));
  CHECK(numbers.forgetting[0] == Approx(1));
  CHECK(numbers.forgetting_mean == Approx(1));
  CHECK(numbers.forgetting_max == Approx(1));
  CHECK(numbers.backward_transfer == Approx(-1));
  CHECK(numbers.forward_transfer == Approx(3));
  CHECK(numbers.retention_mean == Approx(5.0 / 6));
}

TEST_CASE("a domain that comes back is a stage of its own: what it cost the domain before it is forgetting") {
  // a, b, then a again, which destroys b.
  RetentionMatrix matrix = matrix_with({{8, 8}, {2, 5}, {4, 1}});
  matrix.stages.push_back("1 again"), matrix.loss.push_back({1.75, 6});
  const RetentionNumbers numbers = derive(matrix);
  CHECK(numbers.forgetting[0] == Approx(1.75 - 2));
  CHECK(numbers.forgetting[1] == Approx(6 - 1));
  CHECK(numbers.forgetting_max == Approx(5));
  CHECK(numbers.backward_transfer == Approx(((2 - 1.75) + (1 - 6)) / 2));
  CHECK(numbers.forward_transfer == Approx(8 - 5));
  CHECK(numbers.retention[1] == Approx((5.0 - 6) / (5 - 1)));  // worse than before it was learnt
  CHECK(numbers.area == Approx((2 + (4 + 1) / 2.0 + (1.75 + 6) / 2) / 3));
}

TEST_CASE("one domain that is trained twice can have forgotten itself") {
  RetentionMatrix matrix = matrix_with({{8}, {2}});
  matrix.stages.push_back("1 again"), matrix.loss.push_back({3});
  CHECK(derive(matrix).forgetting[0] == Approx(1));
}

TEST_CASE("a domain whose stage is still under way has no cell of its own yet, and the others keep theirs") {
  RetentionMatrix matrix = matrix_with({{8, 7}, {2, 5}});
  matrix.learnt = {1, 2};
  matrix.stages.pop_back();
  const RetentionNumbers numbers = derive(matrix);
  CHECK(numbers.final_average == Approx((2 + 5) / 2.0));
  CHECK(numbers.forward_transfer == Approx(7 - 5));
  for (double number : {numbers.forgetting_mean, numbers.forgetting[1], numbers.retention[1]}) CHECK(std::isnan(number));
}

TEST_CASE("one domain: nothing can have been forgotten, transferred or retained yet") {
  const RetentionNumbers numbers = derive(matrix_with({{8}, {2}}, {1}));
  CHECK(numbers.final_average == Approx(2));
  CHECK(numbers.plasticity_mean == Approx(6.0 / 7));
  for (double number : {numbers.forgetting_mean, numbers.forgetting_max, numbers.backward_transfer, numbers.forward_transfer,
                        numbers.retention_mean, numbers.forgetting[0], numbers.retention[0]})
    CHECK(std::isnan(number));
}

TEST_CASE("no domain gives no number") {
  const RetentionNumbers numbers = derive({});
  CHECK(std::isnan(numbers.final_average));
  CHECK(std::isnan(numbers.forgetting_mean));
  CHECK(numbers.forgetting.empty());
}

TEST_CASE("forgetting of a column that keeps improving is negative") {
  const RetentionNumbers numbers = derive(matrix_with({{8, 8, 8}, {3, 8, 8}, {2.5, 3, 8}, {2.25, 2, 3}}));
  CHECK(numbers.forgetting[0] == Approx(-0.25));  // against 2.5, the best before the last row; not against 3, as Avalanche
  CHECK(numbers.forgetting[1] == Approx(-1));     // Mammoth, whose best includes the last row, would print 0
  CHECK(numbers.forgetting_mean < 0);
  CHECK(numbers.forgetting_max < 0);
}

TEST_CASE("forgetting counts from the best row, which need not be the one right after learning") {
  const RetentionNumbers numbers = derive(matrix_with({{8, 8, 8}, {3, 8, 8}, {2, 3, 8}, {2.5, 3, 3}}));
  CHECK(numbers.forgetting[0] == Approx(0.5));
  CHECK(numbers.backward_transfer == Approx((0.5 + 0) / 2));  // yet it is better than right after learning
}

TEST_CASE("a row of training counts before its domain was learnt, the state before the stream does not") {
  // Domain 2 was at its best before the stream (1.0), then after stage 1 (2.0), and worse once learnt.
  const RetentionNumbers numbers = derive(matrix_with({{8, 1, 8}, {3, 2, 8}, {3, 2.5, 8}, {3, 2.75, 3}}));
  CHECK(numbers.forgetting[1] == Approx(2.75 - 2));
}

TEST_CASE("a missing cell is missing, never zero, and the means are over what exists") {
  RetentionMatrix holes = worked_example();
  SECTION("the last cell of a domain: its numbers are missing, the others stand") {
    holes.loss[3][0] = kMissing;
    const RetentionNumbers numbers = derive(holes);
    CHECK(std::isnan(numbers.forgetting[0]));
    CHECK(std::isnan(numbers.retention[0]));
    CHECK(numbers.forgetting_mean == Approx(0.5));
    CHECK(numbers.backward_transfer == Approx(-0.5));
    CHECK(numbers.final_average == Approx((3.5 + 1) / 2));
  }
  SECTION("the cell right after learning: the best is that of the rows that exist") {
    holes.loss[1][0] = kMissing;
    const RetentionNumbers numbers = derive(holes);
    CHECK(numbers.forgetting[0] == Approx(2.25 - 2.5));
    CHECK(std::isnan(numbers.plasticity[0]));
    CHECK(std::isnan(numbers.retention[0]));
    CHECK(numbers.backward_transfer == Approx(-0.5));
  }
  SECTION("the state before the stream: no transfer, retention of later domains alone, but forgetting") {
    holes.loss[0] = {kMissing, kMissing, kMissing};
    const RetentionNumbers numbers = derive(holes);
    CHECK(std::isnan(numbers.forward_transfer));
    CHECK(std::isnan(numbers.retention[0]));
    CHECK(numbers.retention_mean == Approx(0.75));
    CHECK(std::isnan(numbers.plasticity[0]));
    CHECK(numbers.forgetting_mean == Approx(0.375));
  }
  SECTION("a naive run that was not made") {
    holes.naive = {kMissing, 2.5, kMissing};
    const RetentionNumbers numbers = derive(holes);
    CHECK(std::isnan(numbers.plasticity[0]));
    CHECK(numbers.plasticity_mean == Approx(0.8));
  }
  SECTION("no cell at all: every number is missing") {
    for (auto& row : holes.loss) row.assign(3, kMissing);
    const RetentionNumbers numbers = derive(holes);
    for (double number : {numbers.final_average, numbers.backward_transfer, numbers.forward_transfer, numbers.forgetting_mean,
                          numbers.forgetting_max, numbers.plasticity_mean, numbers.retention_mean})
      CHECK(std::isnan(number));
  }
}

TEST_CASE("the loss form equals the negated accuracy form") {
  const RetentionMatrix matrix = worked_example();
  const std::size_t T = 3;
  const auto accuracy = [&](std::size_t i, std::size_t j) { return -matrix.loss[i][j - 1]; };
  double backward = 0, forward = 0, forgetting = 0;
  for (std::size_t j = 1; j < T; ++j) {
    double best = accuracy(1, j);
    for (std::size_t l = 2; l < T; ++l) best = std::max(best, accuracy(l, j));
    forgetting += best - accuracy(T, j);                 // Chaudhry et al. 2018, eq. 3
    backward += accuracy(T, j) - accuracy(j, j);         // Lopez-Paz & Ranzato 2017, eq. 3
    forward += accuracy(j, j + 1) - accuracy(0, j + 1);  // eq. 4
  }
  const RetentionNumbers numbers = derive(matrix);
  CHECK(numbers.backward_transfer == Approx(backward / (T - 1)));
  CHECK(numbers.forward_transfer == Approx(forward / (T - 1)));
  CHECK(numbers.forgetting_mean == Approx(forgetting / (T - 1)));
}

TEST_CASE("a share of next to no gain is missing instead of huge") {
  const double hardly = kSmallestGain / 2;
  const RetentionNumbers little = derive(matrix_with({{2 + hardly, 8}, {2, 5}, {3, 1}}, {2, 1}));
  CHECK(std::isnan(little.retention[0]));
  CHECK(std::isnan(little.plasticity[0]));
  CHECK(little.plasticity_mean == Approx(1));

  const RetentionNumbers worse = derive(matrix_with({{2, 8}, {2.5, 5}, {3, 1}}, {2.5, 1}));  // learning it made it worse
  CHECK(std::isnan(worse.retention[0]));
  CHECK(std::isnan(worse.plasticity[0]));
}

TEST_CASE("a matrix of the wrong shape, or with an infinite loss, is refused") {
  RetentionMatrix matrix = worked_example();
  SECTION("a row too few") { matrix.loss.pop_back(); }
  SECTION("a cell too few") { matrix.loss[1].pop_back(); }
  SECTION("a stage too few") { matrix.stages.pop_back(); }
  SECTION("a naive cell too few") { matrix.naive.pop_back(); }
  SECTION("an infinite cell") { matrix.loss[1][1] = std::numeric_limits<double>::infinity(); }
  SECTION("a domain learnt before the stream") { matrix.learnt[0] = 0; }
  SECTION("a domain learnt after the last stage and one more") { matrix.learnt[2] = 5; }
  SECTION("a domain whose own stage is not named") { matrix.learnt.pop_back(); }
  SECTION("a joint cell too many") { matrix.joint.assign(4, 1.0); }
  SECTION("an infinite oracle") { matrix.oracle = {1, std::numeric_limits<double>::infinity(), 1}; }
  SECTION("a stability gap too few") { matrix.stability_gap = {0.1}; }
  SECTION("an infinite naive cell") { matrix.naive[1] = -std::numeric_limits<double>::infinity(); }
  CHECK_THROWS_AS(derive(matrix), ContractError);
}

TEST_CASE("the area is the average over the domains seen so far, averaged over stages") {
  CHECK(derive(worked_example()).area == Approx((2 + (2.5 + 3) / 2 + (2.25 + 3.5 + 1) / 3) / 3));
  RetentionMatrix holes = worked_example();
  holes.loss[2] = {kMissing, 3, 5};
  CHECK(derive(holes).area == Approx((2 + 3 + (2.25 + 3.5 + 1) / 3) / 3));
  holes.loss[1] = {kMissing, 5, 4};  // a stage without a cell is no stage of zero bits
  CHECK(derive(holes).area == Approx((3 + (2.25 + 3.5 + 1) / 3) / 2));
}

TEST_CASE("intransigence is the loss right after learning above joint training's, and missing without it") {
  RetentionMatrix matrix = worked_example();
  CHECK(std::isnan(derive(matrix).intransigence_mean));
  matrix.joint = {2, 2.5, kMissing};
  const RetentionNumbers numbers = derive(matrix);
  CHECK(numbers.intransigence[0] == 0);
  CHECK(numbers.intransigence[1] == Approx(0.5));
  CHECK(std::isnan(numbers.intransigence[2]));
  CHECK(numbers.intransigence_mean == Approx(0.25));
}

TEST_CASE("regret is taken apart by whether the domain is being learnt, was learnt, or is still to come; row 0 does not count") {
  RetentionMatrix matrix = worked_example();
  CHECK(std::isnan(derive(matrix).regret_own));
  matrix.oracle = {1, 2, 3};
  const RetentionNumbers numbers = derive(matrix);
  CHECK(numbers.regret_own == Approx(((2 - 1) + (3 - 2) + (1 - 3)) / 3.0));
  CHECK(numbers.regret_later == Approx(((2.5 - 1) + (2.25 - 1) + (3.5 - 2)) / 3));
  CHECK(numbers.regret_earlier == Approx(((5 - 2) + (4 - 3) + (5 - 3)) / 3.0));
  matrix.oracle[1] = kMissing;
  CHECK(derive(matrix).regret_own == Approx(((2 - 1) + (1 - 3)) / 2.0));
  CHECK(derive(matrix).regret_earlier == Approx(((4 - 3) + (5 - 3)) / 2.0));
}

TEST_CASE("the stability gap's mean and maximum are over the domains in which it was measured, and it may be negative") {
  RetentionMatrix matrix = worked_example();
  CHECK(std::isnan(derive(matrix).stability_gap_max));
  matrix.stability_gap = {-0.25, -0.125, kMissing};
  CHECK(derive(matrix).stability_gap_mean == Approx(-0.1875));
  CHECK(derive(matrix).stability_gap_max == Approx(-0.125));
}

TEST_CASE("which forgetting is printed: not Avalanche's first minus last, not Mammoth's maximum over all rows") {
  const std::vector<std::vector<double>> loss = {{8, 8, 8}, {3, 8, 8}, {2, 3, 8}, {1.5, 3, 3}};
  const double chaudhry = derive(matrix_with(loss)).forgetting[0];
  const double avalanche = loss[3][0] - loss[1][0], mammoth = loss[3][0] - 1.5;
  CHECK(chaudhry == Approx(1.5 - 2));
  CHECK(chaudhry != Approx(avalanche));
  CHECK(chaudhry != Approx(mammoth));
}
