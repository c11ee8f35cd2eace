// 'Nothing was forgotten' as a claim that can fail: equivalence within a margin, by two one-sided tests (Schuirmann 1987). That a
// difference is not significant shows nothing; too few documents would always do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "peer/base/options.h"
#include "trainer/evaluation/bootstrap.h"

namespace peer::trainer {

// What is called equal, of a domain that is to be remembered and of two strategies alike: fixed in advance, for every claim.
inline constexpr double kEquivalenceMargin = 0.005;  // bits per byte

// n documents that all agree show something at the level 2^-n (sign test), however often a bootstrap draws them again: below five that is
// above 5 %, and nothing is claimed.
inline constexpr std::size_t kFewestDocuments = 5;

enum class Verdict {
  kEquivalent,  // beyond doubt within the margin on both sides
  kNotWorse,    // beyond doubt not worse by the margin; it may be better by more
  kForgotten,   // beyond doubt worse by more than the margin
  kUndecided,
  kUntested,  // fewer documents than kFewestDocuments
};

// Of the change d = bits(after)/bytes - bits(before)/bytes, by paired bootstrap over documents, each test at 5 %.
struct EquivalenceTest {
  std::size_t documents = 0;
  double change = kMissing;
  Interval interval;           // kMissing, as what follows, from fewer than kFewestDocuments
                               // 90 %: its ends are the two one-sided 95 % bounds
  double p_worse = kMissing;   // of "worse by the margin or more":  (1 + draws with d >= margin) / (1 + draws), 2^-n at least
  double p_better = kMissing;  // of "better by the margin or more": (1 + draws with d <= -margin) / (1 + draws)
  Verdict verdict = Verdict::kUntested;
};

// margin > 0, fixed in advance. Requires the same documents before and after.
EquivalenceTest equivalence_test(const std::vector<DocumentBits>& before, const std::vector<DocumentBits>& after, double margin, int draws,
                                 std::uint64_t seed);

}  // namespace peer::trainer

namespace peer {
template <>
struct EnumNames<trainer::Verdict> {
  using enum trainer::Verdict;
  static constexpr std::pair<trainer::Verdict, std::string_view> values[] = {
      {kEquivalent, "equivalent"}, {kNotWorse, "not worse"}, {kForgotten, "forgotten"}, {kUndecided, "undecided"}, {kUntested, "too few"}};
};
}  // namespace peer
