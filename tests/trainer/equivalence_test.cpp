#include "trainer/evaluation/equivalence.h"

#include <cmath>

#include "peer/base/error.h"
#include "peer/base/philox.h"
#include "tests/support/catch.h"

using namespace peer;
using namespace peer::trainer;

namespace {

constexpr double kMargin = 0.005;
constexpr int kDraws = 1000;

// `count` documents of 1,000 bytes at 2 bits a byte, and the same changed by `change` bits a byte with a spread between documents.
struct Pair {
  std::vector<DocumentBits> before, after;
};
Pair changed_by(double change, double spread, int count = 40) {
  const Random random(5, Purpose::kTest);
  Pair pair;
  for (int i = 0; i < count; ++i) {
    pair.before.push_back({2000, 1000});
    pair.after.push_back({2000 + 1000 * (change + spread * random.normal(static_cast<std::uint64_t>(i))), 1000});
  }
  return pair;
}

EquivalenceTest test(const Pair& pair) { return equivalence_test(pair.before, pair.after, kMargin, kDraws, 1); }

}  // namespace

TEST_CASE("when every document changes by the same, each test is as sure as the number of draws allows") {
  const EquivalenceTest same = test(changed_by(0.001, 0));
  CHECK(same.change == Approx(0.001));
  CHECK(same.interval.low == Approx(0.001));
  CHECK(same.interval.high == Approx(0.001));
  CHECK(same.p_worse == Approx(1.0 / 1001));
  CHECK(same.p_better == Approx(1.0 / 1001));
  CHECK(same.verdict == Verdict::kEquivalent);
  CHECK(test(changed_by(0.02, 0)).p_worse == 1);
  CHECK(test(changed_by(0.02, 0)).verdict == Verdict::kForgotten);
  CHECK(test(changed_by(-0.02, 0)).p_better == 1);
  CHECK(test(changed_by(-0.02, 0)).verdict == Verdict::kNotWorse);  // better than equivalent is not equivalent
}

TEST_CASE("a difference that is not significant is not equivalence") {
  const EquivalenceTest noisy = test(changed_by(0, 0.05));
  CHECK(noisy.interval.low < 0);
  CHECK(noisy.interval.high > kMargin);
  CHECK(noisy.verdict == Verdict::kUndecided);
}

TEST_CASE("the verdict follows from the 90 % interval: two one-sided tests at 5 %") {
  for (const double change : {-0.02, -0.006, -0.004, 0.0, 0.004, 0.006, 0.02})
    for (const double spread : {0.001, 0.01, 0.05}) {
      CAPTURE(change, spread);
      const EquivalenceTest t = test(changed_by(change, spread));
      const bool not_worse = t.verdict == Verdict::kEquivalent || t.verdict == Verdict::kNotWorse;
      if (not_worse) CHECK(t.interval.high < kMargin);
      if (t.verdict == Verdict::kEquivalent) CHECK(t.interval.low > -kMargin);
      if (t.verdict == Verdict::kForgotten) CHECK(t.interval.low > kMargin);
      CHECK(t.p_worse + t.p_better <= 1.01);
    }
}

TEST_CASE("from fewer than five documents nothing is claimed, however alike they are, and from n no more than a sign test could show") {
  const EquivalenceTest few = test(changed_by(0.001, 0, 4)), enough = test(changed_by(0.001, 0, 5));
  CHECK(few.documents == 4);
  CHECK(few.change == Approx(0.001));
  CHECK(few.verdict == Verdict::kUntested);
  CHECK(std::isnan(few.p_worse));
  CHECK(std::isnan(few.interval.high));
  CHECK(enough.verdict == Verdict::kEquivalent);
  CHECK(enough.p_worse == 1.0 / 32);
}

TEST_CASE("one document, or none, is not tested") {
  CHECK(test(changed_by(0, 0, 1)).verdict == Verdict::kUntested);
  CHECK(std::isnan(test(changed_by(0, 0, 1)).p_worse));
  CHECK(std::isnan(test(changed_by(0, 0, 0)).change));
}

TEST_CASE("a margin of nothing is refused: no number of documents could show it") {
  const Pair pair = changed_by(0, 0);
  CHECK_THROWS_AS(equivalence_test(pair.before, pair.after, 0, kDraws, 1), ContractError);
}
