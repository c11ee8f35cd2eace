#include "trainer/evaluation/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "peer/base/philox.h"
#include "peer/base/require.h"

namespace peer::trainer {
namespace {

// One draw: as many documents as there are, with replacement. Its numbers depend on (seed, draw) alone: the same documents are drawn
// whatever is measured on them.
double resampled_ratio(const std::vector<DocumentBits>& documents, const Random& random, std::uint64_t draw) {
  const std::uint64_t count = documents.size();
  DocumentBits total;
  for (std::uint64_t i = 0; i < count; ++i) {
    const DocumentBits& document = documents[random.below(draw * count + i, count)];
    total.bits += document.bits, total.bytes += document.bytes;
  }
  return total.bits / static_cast<double>(total.bytes);
}

// Linear between the two nearest order statistics.
double quantile(const std::vector<double>& sorted, double level) {
  const double position = level * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], position - static_cast<double>(below));
}

void check_documents(const std::vector<DocumentBits>& documents, int draws) {
  require(draws > 0, "bootstrap: draws must be positive");
  for (const DocumentBits& document : documents)
    require(std::isfinite(document.bits) && document.bytes >= 0, "bootstrap: bits must be finite and bytes not negative");
}

// The statistic of every draw, rising.
template <class Statistic>
std::vector<double> sorted_draws(int draws, const Statistic& statistic) {
  std::vector<double> values(draws);
#pragma omp parallel for schedule(static)
  for (int draw = 0; draw < draws; ++draw) values[draw] = statistic(draw);
  std::erase_if(values, [](double value) { return !std::isfinite(value); });  // a draw of empty documents alone has no ratio
  std::sort(values.begin(), values.end());
  return values;
}

template <class Statistic>
Interval interval_of(int draws, const Statistic& statistic) {
  const std::vector<double> values = sorted_draws(draws, statistic);
  if (values.empty()) return {};
  return {quantile(values, 0.025), quantile(values, 0.975)};
}

// Both ratios share their denominator in every draw, so their difference is the ratio of the differences.
std::vector<DocumentBits> difference_of(const std::vector<DocumentBits>& before, const std::vector<DocumentBits>& after) {
  require(before.size() == after.size(), "paired_bootstrap: before and after must score the same documents");
  std::vector<DocumentBits> difference(before.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    require(before[i].bytes == after[i].bytes, "paired_bootstrap: a document must have the same bytes before and after");
    difference[i] = {after[i].bits - before[i].bits, after[i].bytes};
  }
  return difference;
}

}  // namespace

Interval bootstrap(const std::vector<DocumentBits>& documents, int draws, std::uint64_t seed) {
  check_documents(documents, draws);
  if (documents.size() < 2) return {};
  const Random random(seed, Purpose::kBootstrap);
  return interval_of(draws, [&](int draw) { return resampled_ratio(documents, random, draw); });
}

Interval unpaired_bootstrap(const std::vector<DocumentBits>& documents, const std::vector<DocumentBits>& others, int draws,
                            std::uint64_t seed) {
  check_documents(documents, draws);
  check_documents(others, draws);
  if (documents.size() < 2 || others.size() < 2) return {};
  const Random random(seed, Purpose::kBootstrap), other_random(seed, Purpose::kBootstrap, 1);
  return interval_of(draws,
                     [&](int draw) { return resampled_ratio(documents, random, draw) - resampled_ratio(others, other_random, draw); });
}

Interval paired_bootstrap(const std::vector<DocumentBits>& before, const std::vector<DocumentBits>& after, int draws, std::uint64_t seed) {
  return bootstrap(difference_of(before, after), draws, seed);
}

std::vector<double> paired_draws(const std::vector<DocumentBits>& before, const std::vector<DocumentBits>& after, int draws,
                                 std::uint64_t seed) {
  const std::vector<DocumentBits> difference = difference_of(before, after);
  check_documents(difference, draws);
  if (difference.size() < 2) return {};
  const Random random(seed, Purpose::kBootstrap);
  return sorted_draws(draws, [&](int draw) { return resampled_ratio(difference, random, draw); });
}

Interval mean_paired_bootstrap(const std::vector<DocumentPairs>& domains, int draws, std::uint64_t seed) {
  std::vector<std::vector<DocumentBits>> differences;
  std::vector<Random> randoms;
  for (const DocumentPairs& domain : domains) {
    differences.push_back(difference_of(domain.before, domain.after));
    check_documents(differences.back(), draws);
    if (differences.back().size() < 2) return {};
    randoms.emplace_back(seed, Purpose::kBootstrap, static_cast<std::uint32_t>(randoms.size()));
  }
  if (differences.empty()) return {};
  return interval_of(draws, [&](int draw) {
    double sum = 0;
    for (std::size_t d = 0; d < differences.size(); ++d) sum += resampled_ratio(differences[d], randoms[d], draw);
    return sum / static_cast<double>(differences.size());
  });
}

}  // namespace peer::trainer
