#include "trainer/evaluation/usage_numbers.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "peer/base/philox.h"
#include "peer/base/require.h"

namespace peer::trainer {
namespace {

double sum(std::span<const double> mass) { return std::accumulate(mass.begin(), mass.end(), 0.0); }
double entropy_term(double z) { return z > 0 ? z * std::log(z) : 0; }

// Gate mass by expert of one half of a domain, block behind block.
using Usage = std::vector<double>;

Usage half_of(const std::vector<BlockUse>& uses, std::size_t half) {
  Usage all;
  for (const BlockUse& use : uses) all.insert(all.end(), use.mass[half].begin(), use.mass[half].end());
  return all;
}

// Fisher and Yates, inside each block: what a block gets as a whole stays.
Usage shuffled(Usage usage, const std::vector<UsedBlock>& blocks, std::uint64_t seed) {
  std::size_t first = 0;
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    const Random random(seed, Purpose::kShuffle, static_cast<std::uint32_t>(b));
    const auto experts = static_cast<std::size_t>(blocks[b].experts);
    for (std::size_t i = experts; i > 1; --i) std::swap(usage[first + i - 1], usage[first + random.below(i, i)]);
    first += experts;
  }
  return usage;
}

std::vector<double> both_halves(const BlockUse& use) {
  std::vector<double> mass = use.mass[0];
  std::transform(mass.begin(), mass.end(), use.mass[1].begin(), mass.begin(), std::plus<>());
  return mass;
}

double share_of(const std::vector<bool>& flags) {
  return static_cast<double>(std::count(flags.begin(), flags.end(), true)) / static_cast<double>(flags.size());
}

double ratio(double part, double whole) { return whole > 0 ? part / whole : kMissing; }

void derive_blocks(const ExpertUsage& usage, UsageNumbers& numbers) {
  std::vector<std::vector<double>> mass_together;
  std::vector<std::vector<bool>> top_together;
  for (const UsedBlock& block : usage.blocks) {
    mass_together.emplace_back(block.experts);
    top_together.emplace_back(block.experts);
  }
  for (const std::vector<BlockUse>& uses : usage.domains) {
    std::vector<std::vector<double>> mass;
    for (const BlockUse& use : uses) mass.push_back(both_halves(use));
    const double total = std::transform_reduce(mass.begin(), mass.end(), 0.0, std::plus<>(), [](const auto& m) { return sum(m); });
    auto& row = numbers.by_block.emplace_back();
    for (std::size_t b = 0; b < uses.size(); ++b) {
      row.push_back({ratio(sum(mass[b]), total), used_share(mass[b]), share_of(uses[b].top), unevenness(mass[b])});
      for (std::size_t e = 0; total > 0 && e < mass[b].size(); ++e) {
        mass_together[b][e] += mass[b][e] / total;
        top_together[b][e] = top_together[b][e] || uses[b].top[e];
      }
    }
  }
  const double total =
      std::transform_reduce(mass_together.begin(), mass_together.end(), 0.0, std::plus<>(), [](const auto& m) { return sum(m); });
  for (std::size_t b = 0; b < usage.blocks.size(); ++b)
    numbers.together.push_back(
        {ratio(sum(mass_together[b]), total), used_share(mass_together[b]), share_of(top_together[b]), unevenness(mass_together[b])});
}

// After derive_blocks.
void derive_shares(const Births& births, UsageNumbers& numbers) {
  for (const UsedBlock& block : numbers.blocks)
    if (numbers.views.empty() || numbers.views.back() != block.view) numbers.views.push_back(block.view);
  for (std::size_t d = 0; d < numbers.by_block.size(); ++d) {
    auto& share = numbers.share.emplace_back(numbers.views.size());
    double reuse = 0, novelty = 0, leakage = 0;
    for (std::size_t b = 0; b < numbers.blocks.size(); ++b) {
      const int view = numbers.blocks[b].view, born = births.view[static_cast<std::size_t>(view)], own = births.domain[d];
      const double part = numbers.by_block[d][b].share;
      share[static_cast<std::size_t>(std::find(numbers.views.begin(), numbers.views.end(), view) - numbers.views.begin())] += part;
      (born < own ? reuse : born == own ? novelty : leakage) += part;
    }
    numbers.reuse.push_back(reuse), numbers.novelty.push_back(novelty), numbers.leakage.push_back(leakage);
  }
}

void derive_overlap(const ExpertUsage& usage, std::uint64_t seed, UsageNumbers& numbers) {
  std::vector<std::array<Usage, 2>> halves, unrelated;
  for (const auto& uses : usage.domains) {
    halves.push_back({half_of(uses, 0), half_of(uses, 1)});
    unrelated.push_back({shuffled(halves.back()[0], usage.blocks, seed), shuffled(halves.back()[1], usage.blocks, seed)});
  }
  const auto between = [](const std::array<Usage, 2>& d, const std::array<Usage, 2>& e) {
    return (jensen_shannon(d[0], e[1]) + jensen_shannon(d[1], e[0])) / 2;
  };
  for (const auto& d : halves) {
    auto& overlap = numbers.overlap.emplace_back();
    auto& permuted = numbers.permuted.emplace_back();
    for (std::size_t e = 0; e < halves.size(); ++e) {
      overlap.push_back(between(d, halves[e]));
      permuted.push_back(between(d, unrelated[e]));
    }
  }
}

}  // namespace

double used_share(std::span<const double> mass) {
  if (!(sum(mass) > 0)) return kMissing;
  return static_cast<double>(std::count_if(mass.begin(), mass.end(), [](double m) { return m > 0; })) / static_cast<double>(mass.size());
}

double unevenness(std::span<const double> mass) {
  const double total = sum(mass);
  if (!(total > 0)) return kMissing;
  double value = std::log(static_cast<double>(mass.size()));
  for (const double m : mass) value += entropy_term(m / total);
  return value;
}

double jensen_shannon(std::span<const double> p, std::span<const double> q) {
  require(p.size() == q.size(), "jensen_shannon: both usages must be of the same experts");
  const double total_p = sum(p), total_q = sum(q);
  if (!(total_p > 0 && total_q > 0)) return kMissing;
  double nats = 0;
  for (std::size_t e = 0; e < p.size(); ++e) {
    const double z = p[e] / total_p, y = q[e] / total_q;
    nats += (entropy_term(z) + entropy_term(y)) / 2 - entropy_term((z + y) / 2);
  }
  return std::max(0.0, nats / std::log(2.0));
}

Births births_of(const History& history, std::size_t views) {
  Births births{std::vector<int>(views, std::numeric_limits<int>::max()),
                std::vector<int>(history.domains.size(), std::numeric_limits<int>::max())};
  for (int stage = static_cast<int>(history.stages.size()) - 1; stage > 0; --stage) {
    const StageRecord& record = history.stages[static_cast<std::size_t>(stage)];
    births.view[static_cast<std::size_t>(record.view)] = stage;
    for (std::size_t d = 0; d < history.domains.size(); ++d)
      if (history.domains[d].name == record.domain) births.domain[d] = stage;
  }
  return births;
}

UsageNumbers derive(const ExpertUsage& usage, const Births& births, std::uint64_t seed) {
  UsageNumbers numbers;
  numbers.blocks = usage.blocks;
  derive_blocks(usage, numbers);
  derive_shares(births, numbers);
  derive_overlap(usage, seed, numbers);
  return numbers;
}

}  // namespace peer::trainer
