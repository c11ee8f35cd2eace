// Intervals of bits per byte by resampling documents.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/state/bits_per_byte.h"

namespace peer::trainer {

inline constexpr int kBootstrapDraws = 2000;
inline constexpr std::uint64_t kBootstrapSeed = 0;  // one for all, so that a quantity has one interval wherever it is printed

struct Interval {
  double low = kMissing, high = kMissing;
};
// Percentile bootstrap of the ratio estimator, 95 %. The unit of resampling is the document, because bytes of one document are not
// independent. Deterministic in seed, whatever the number of threads. kMissing for fewer than two documents: one says nothing about spread.
//
// paired_bootstrap: of bits(after)/bytes - bits(before)/bytes. Both see the same draws, which cancels what the documents have in common.
// Requires the same documents in the same order: equal sizes, equal bytes.
Interval paired_bootstrap(const std::vector<DocumentBits>& before, const std::vector<DocumentBits>& after, int draws, std::uint64_t seed);
// paired_draws: that difference in every draw, rising; empty for fewer than two documents.
std::vector<double> paired_draws(const std::vector<DocumentBits>& before, const std::vector<DocumentBits>& after, int draws,
                                 std::uint64_t seed);
// mean_paired_bootstrap: of the mean of that difference over domains, each with documents of its own.
struct DocumentPairs {
  std::vector<DocumentBits> before, after;
};
Interval mean_paired_bootstrap(const std::vector<DocumentPairs>& domains, int draws, std::uint64_t seed);
// bootstrap: of bits/bytes.
Interval bootstrap(const std::vector<DocumentBits>& documents, int draws, std::uint64_t seed);
// unpaired_bootstrap: of bits/bytes of one set of documents minus that of another, each drawn on its own.
Interval unpaired_bootstrap(const std::vector<DocumentBits>& documents, const std::vector<DocumentBits>& others, int draws,
                            std::uint64_t seed);

}  // namespace peer::trainer
