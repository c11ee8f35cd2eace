#include "trainer/evaluation/equivalence.h"

#include <algorithm>
#include <cmath>

#include "peer/base/require.h"

namespace peer::trainer {
namespace {

constexpr double kLevel = 0.05;  // of each one-sided test

Verdict verdict_of(const EquivalenceTest& test, double margin) {
  if (test.p_worse < kLevel) return test.p_better < kLevel ? Verdict::kEquivalent : Verdict::kNotWorse;
  return test.interval.low > margin ? Verdict::kForgotten : Verdict::kUndecided;
}

}  // namespace

EquivalenceTest equivalence_test(const std::vector<DocumentBits>& before, const std::vector<DocumentBits>& after, double margin, int draws,
                                 std::uint64_t seed) {
  require(margin > 0, "equivalence: the margin must be positive");
  EquivalenceTest test;
  test.documents = after.size();
  test.change = bits_per_byte(after) - bits_per_byte(before);
  if (test.documents < kFewestDocuments) return test;
  const std::vector<double> d = paired_draws(before, after, draws, seed);
  const auto count = static_cast<double>(d.size());
  const auto worse = static_cast<double>(d.end() - std::lower_bound(d.begin(), d.end(), margin));
  const auto better = static_cast<double>(std::upper_bound(d.begin(), d.end(), -margin) - d.begin());
  const double least = std::ldexp(1.0, -static_cast<int>(std::min<std::size_t>(test.documents, 1000)));
  test.p_worse = std::max(least, (1 + worse) / (1 + count)), test.p_better = std::max(least, (1 + better) / (1 + count));
  const auto rank = static_cast<std::size_t>(kLevel * (count - 1));
  test.interval = {d[rank], d[d.size() - 1 - rank]};
  test.verdict = verdict_of(test, margin);
  return test;
}

}  // namespace peer::trainer
