#include "trainer/evaluation/usage_numbers.h"

#include <cmath>

#include "peer/base/error.h"
#include "tests/support/catch.h"

using namespace peer;
using namespace peer::trainer;

namespace {

using Mass = std::vector<double>;

BlockUse use_of(const Mass& even, const Mass& odd, const std::vector<bool>& top) { return {{even, odd}, top}; }

// A base grid of two experts and an annex of two; the first domain keeps to the base, the second uses both.
ExpertUsage two_domains() {
  return {{{0, 1, 2}, {1, 0, 2}},
          {{use_of({3, 1}, {3, 1}, {true, false}), use_of({0, 0}, {0, 0}, {false, false})},
           {use_of({1, 0}, {1, 0}, {true, false}), use_of({3, 0}, {1, 2}, {true, true})}}};
}

History two_stages() {
  History history;
  history.domains = {{.name = "a"}, {.name = "b"}};
  history.stages = {{}, {.domain = "a", .view = 0}, {.domain = "b", .view = 1}};
  return history;
}

UsageNumbers numbers() { return derive(two_domains(), births_of(two_stages(), 2), 1); }

}  // namespace

TEST_CASE("used share, unevenness and divergence have their closed forms") {
  CHECK(used_share(Mass{1, 0, 2, 0}) == 0.5);
  CHECK(unevenness(Mass{5, 5, 5, 5}) == Approx(0).margin(1e-12));
  CHECK(unevenness(Mass{7, 0, 0, 0}) == Approx(std::log(4)));
  CHECK(unevenness(Mass{3, 1}) == Approx(std::log(2) + 0.75 * std::log(0.75) + 0.25 * std::log(0.25)));
  CHECK(jensen_shannon(Mass{1, 3}, Mass{2, 6}) == Approx(0).margin(1e-12));
  CHECK(jensen_shannon(Mass{1, 0}, Mass{0, 9}) == Approx(1));
  CHECK(jensen_shannon(Mass{1, 0}, Mass{1, 1}) == Approx(1.5 - 0.75 * std::log2(3)));  // H(3/4, 1/4) - 1/2
  CHECK(jensen_shannon(Mass{1, 2, 3}, Mass{3, 1, 1}) == Approx(jensen_shannon(Mass{3, 1, 1}, Mass{1, 2, 3})));
}

TEST_CASE("without any mass a number is missing, not zero") {
  CHECK(std::isnan(used_share(Mass{0, 0})));
  CHECK(std::isnan(unevenness(Mass{0, 0})));
  CHECK(std::isnan(jensen_shannon(Mass{0, 0}, Mass{1, 0})));
  CHECK_THROWS_AS(jensen_shannon(Mass{1}, Mass{1, 2}), ContractError);
}

TEST_CASE("a grid's numbers are over both halves of a domain") {
  const UsageNumbers n = numbers();
  CHECK(n.by_block[0][0].share == 1);
  CHECK(n.by_block[0][0].used == 1);
  CHECK(n.by_block[0][0].top == 0.5);
  CHECK(n.by_block[0][0].unevenness == Approx(unevenness(Mass{6, 2})));
  CHECK(n.by_block[0][1].share == 0);
  CHECK(std::isnan(n.by_block[0][1].used));
  CHECK(n.by_block[1][1].share == Approx(0.75));
  CHECK(n.by_block[1][1].unevenness == Approx(unevenness(Mass{4, 2})));
}

TEST_CASE("together every domain counts the same, however much text it has") {
  const UsageNumbers n = numbers();  // domain a: 0.75, 0.25 | 0, 0; domain b: 0.25, 0 | 0.5, 0.25
  CHECK(n.together[0].share == Approx((1 + 0.25) / 2));
  CHECK(n.together[0].unevenness == Approx(unevenness(Mass{1, 0.25})));
  CHECK(n.together[1].used == 1);
  CHECK(n.together[1].top == 1);
}

TEST_CASE("reuse, novelty and leakage split a domain's mass by when its experts were born") {
  const UsageNumbers n = numbers();
  CHECK(n.views == std::vector<int>{0, 1});
  CHECK(n.novelty[0] == 1);  // the base was trained in a's own stage
  CHECK(n.leakage[0] == 0);
  CHECK(n.reuse[1] == Approx(0.25));
  CHECK(n.novelty[1] == Approx(0.75));
  CHECK(n.share[1][1] == Approx(0.75));
  ExpertUsage leaking = two_domains();
  leaking.domains[0][1].mass[1] = {0, 2};
  CHECK(derive(leaking, births_of(two_stages(), 2), 1).leakage[0] == Approx(0.2));
}

TEST_CASE("a view is born in the first stage that trained it, a domain in its first stage; a view that waits is born last") {
  History history = two_stages();
  history.stages.push_back({.domain = "a", .view = 1});  // a revisit in place
  const Births births = births_of(history, 3);
  CHECK(births.view[0] == 1);
  CHECK(births.view[1] == 2);
  CHECK(births.view[2] > 3);
  CHECK(births.domain == std::vector<int>{1, 2});
}

TEST_CASE("overlap compares halves, the diagonal is the split-half control, and both lie between alike and disjoint") {
  const UsageNumbers n = numbers();
  CHECK(n.overlap[0][0] == Approx(0).margin(1e-12));  // a's halves are alike
  CHECK(n.overlap[1][1] == Approx(jensen_shannon(Mass{1, 0, 3, 0}, Mass{1, 0, 1, 2})));
  CHECK(n.overlap[0][1] ==
        Approx((jensen_shannon(Mass{3, 1, 0, 0}, Mass{1, 0, 1, 2}) + jensen_shannon(Mass{3, 1, 0, 0}, Mass{1, 0, 3, 0})) / 2));
  CHECK(n.overlap[0][1] == Approx(n.overlap[1][0]));
}

TEST_CASE("the permuted control keeps what each grid gets and how uneven it is, and loses which expert it was") {
  constexpr std::size_t kExperts = 400;
  Mass peaked(kExperts), none(kExperts);
  for (std::size_t e = 0; e < kExperts; ++e) peaked[e] = e < 20 ? 5 : 0.01;
  const ExpertUsage usage{{{0, 0, kExperts}, {1, 0, kExperts}},
                          {{use_of(peaked, peaked, std::vector<bool>(kExperts)), use_of(none, none, std::vector<bool>(kExperts))}}};
  History history = two_stages();
  history.domains.pop_back();
  const UsageNumbers n = derive(usage, births_of(history, 2), 1);
  CHECK(n.overlap[0][0] == Approx(0).margin(1e-12));
  CHECK(n.permuted[0][0] > 0.7);
  CHECK(n.permuted[0][0] < 1);  // the mass stays in its grid: elsewhere they would be disjoint
}

TEST_CASE("a domain of one document has no halves to compare") {
  ExpertUsage usage = two_domains();
  for (BlockUse& use : usage.domains[1]) use.mass[1] = {0, 0};
  const UsageNumbers n = derive(usage, births_of(two_stages(), 2), 1);
  CHECK(std::isnan(n.overlap[1][1]));
  CHECK(std::isnan(n.overlap[0][1]));
  CHECK(n.overlap[0][0] == Approx(0).margin(1e-12));
}
