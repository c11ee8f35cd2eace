#include "trainer/report/comparison.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/base/nearest_name.h"
#include "trainer/evaluation/retention.h"
#include "trainer/evaluation/student_t.h"

namespace peer::trainer {
namespace {

// The numbers of GroupNumbers as sums over documents.
struct RunSums {
  DocumentSum new_loss, forgetting, final_average, backward_transfer;
};

// What the parts of a run's numbers have in common: a mean over the domains that `counts` names.
template <class Counts, class Add>
void add_mean(const ComparedRun& run, const Counts& counts, const Add& add) {
  const auto count = static_cast<double>(std::count_if(run.domains.begin(), run.domains.end(), counts));
  for (const DomainCourse& domain : run.domains)
    if (counts(domain)) add(domain, 1 / count);
}

RunSums sums_of(const ComparedRun& run) {
  RunSums sums;
  const auto is_new = [&](const DomainCourse& domain) { return &domain != &run.domains.front() && !domain.own_bits.empty(); };
  add_mean(run, is_new, [&](const DomainCourse& domain, double weight) { sums.new_loss.add(domain.name, domain.own_bits, weight); });
  const auto is_older = [](const DomainCourse& domain) {
    return domain.older && !domain.best_bits.empty() && !domain.last_bits.empty() && !domain.own_bits.empty();
  };
  add_mean(run, is_older, [&](const DomainCourse& domain, double weight) {
    sums.forgetting.add(domain.name, domain.last_bits, weight), sums.forgetting.add(domain.name, domain.best_bits, -weight);
    sums.backward_transfer.add(domain.name, domain.own_bits, weight), sums.backward_transfer.add(domain.name, domain.last_bits, -weight);
  });
  const auto is_measured = [](const DomainCourse& domain) { return !domain.last_bits.empty(); };
  add_mean(run, is_measured,
           [&](const DomainCourse& domain, double weight) { sums.final_average.add(domain.name, domain.last_bits, weight); });
  return sums;
}

// The mean over runs; `values`: the same number of each run alone (or of each pair of runs), for the t-interval.
Estimate estimate_of(const DocumentSum& sum, const std::vector<double>& values, int draws) {
  return {sum.value(), sum.interval(draws, kBootstrapSeed), t_interval(values), values};
}

template <class Part>
Estimate mean_of(const std::vector<RunSums>& runs, Part part, int draws) {
  DocumentSum mean;
  std::vector<double> values;
  for (const RunSums& run : runs) {
    mean.add(run.*part, 1 / static_cast<double>(runs.size()));
    values.push_back((run.*part).value());
  }
  return estimate_of(mean, values, draws);
}

std::vector<RunSums> sums_of(const ComparedGroup& group) {
  std::vector<RunSums> sums;
  for (const ComparedRun& run : group.runs) sums.push_back(sums_of(run));
  return sums;
}

GroupNumbers numbers_of(const ComparedGroup& group, int draws) {
  const std::vector<RunSums> runs = sums_of(group);
  return {mean_of(runs, &RunSums::new_loss, draws), mean_of(runs, &RunSums::forgetting, draws),
          mean_of(runs, &RunSums::final_average, draws), mean_of(runs, &RunSums::backward_transfer, draws)};
}

bool same_course(const ComparedRun& a, const ComparedRun& b) { return a.seed == b.seed && a.order() == b.order(); }

// For every run of `a` the run of `b` with its order and seed; empty unless each has exactly one.
std::vector<std::size_t> partners(const ComparedGroup& a, const ComparedGroup& b) {
  std::vector<std::size_t> found;
  if (a.runs.size() != b.runs.size()) return {};
  for (const ComparedRun& run : a.runs) {
    const auto at = std::find_if(b.runs.begin(), b.runs.end(), [&](const ComparedRun& other) { return same_course(run, other); });
    const auto index = static_cast<std::size_t>(at - b.runs.begin());
    if (at == b.runs.end() || std::find(found.begin(), found.end(), index) != found.end()) return {};
    found.push_back(index);
  }
  return found;
}

void describe(ComparedGroup& group, int draws) {
  group.numbers = numbers_of(group, draws);
  double plasticity = 0;
  int measured = 0;
  for (const ComparedRun& run : group.runs) {
    const auto runs = static_cast<double>(group.runs.size());
    group.seconds += run.cost.seconds / runs;
    group.parameters_added += static_cast<double>(run.cost.parameters_added) / runs;
    group.bytes_written += run.cost.bytes_written / runs;
    group.flops += run.cost.flops / runs;
    group.peak_bytes += run.cost.peak_bytes / runs;
    group.old_text_bytes += run.cost.old_text_bytes / runs;
    const auto later = static_cast<double>(run.domains.size() - 1);
    group.added_per_domain += static_cast<double>(run.cost.parameters_added) / later / static_cast<double>(run.base_parameters) / runs;
    for (const DomainCourse& domain : run.domains) {
      const double forgotten = domain.older ? domain.last - domain.best : kMissing;
      if (!std::isnan(forgotten) && !(forgotten <= group.forgetting_max))
        group.forgetting_max = forgotten, group.kept_least_well = domain.name;
      const double gain = domain.before - domain.naive;
      if (gain >= kSmallestGain) plasticity += (domain.before - domain.own) / gain, ++measured;
    }
  }
  if (measured > 0) group.plasticity = plasticity / measured;
}

std::vector<std::string> names_of(const ComparedRun& run) {
  std::vector<std::string> names;
  for (const DomainCourse& domain : run.domains) names.push_back(domain.name);
  std::sort(names.begin(), names.end());
  return names;
}

void check_same_documents(const std::vector<ComparedRun>& runs) {
  const ComparedRun& first = runs.front();
  for (const ComparedRun& run : runs) {
    if (names_of(run) != names_of(first))
      throw UsageError(fmt::format("{} has learnt {}, {} has learnt {}: only runs on the same domains can be compared", first.name,
                                   fmt::join(names_of(first), ", "), run.name, fmt::join(names_of(run), ", ")));
    for (const DomainCourse& domain : run.domains)
      for (const DomainCourse& other : first.domains)
        if (domain.name == other.name && domain.held_out != other.held_out)
          throw UsageError(
              fmt::format("'{}' has other held-out documents in {} than in {}: train both from the same text, with the same "
                          "--test, --held-out-share and --eval-bytes",
                          domain.name, first.pool, run.pool));
  }
}

}  // namespace

// fmin and fmax prefer a number to NaN.
Interval widest(const Estimate& estimate) {
  return {std::fmin(estimate.documents.low, estimate.runs.low), std::fmax(estimate.documents.high, estimate.runs.high)};
}

Standing standing_of(const Estimate& difference) {
  const Interval interval = widest(difference);
  if (std::isnan(interval.low)) return Standing::kUnknown;
  if (interval.low >= -kEquivalenceMargin && interval.high <= kEquivalenceMargin) return Standing::kEqual;
  if (interval.high < 0) return Standing::kBetter;
  if (interval.low > 0) return Standing::kWorse;
  return Standing::kUndecided;
}

std::string_view in_words(Standing standing) {
  switch (standing) {
    case Standing::kUnknown:
      return "-";
    case Standing::kEqual:
      return "equal";
    case Standing::kBetter:
      return "better";
    case Standing::kWorse:
      return "worse";
    case Standing::kUndecided:
      return "undecided";
  }
  return "-";
}

GroupNumbers difference_of(const ComparedGroup& a, const ComparedGroup& b, int draws) {
  const std::vector<RunSums> ours = sums_of(a), theirs = sums_of(b);
  const std::vector<std::size_t> partner = partners(a, b);
  const auto difference = [&](DocumentSum RunSums::*part) {
    DocumentSum sum;
    for (const RunSums& run : ours) sum.add(run.*part, 1 / static_cast<double>(ours.size()));
    for (const RunSums& run : theirs) sum.add(run.*part, -1 / static_cast<double>(theirs.size()));
    std::vector<double> pairs;
    for (std::size_t i = 0; i < partner.size(); ++i) pairs.push_back((ours[i].*part).value() - (theirs[partner[i]].*part).value());
    return estimate_of(sum, pairs, draws);
  };
  return {difference(&RunSums::new_loss), difference(&RunSums::forgetting), difference(&RunSums::final_average),
          difference(&RunSums::backward_transfer)};
}

Comparison compare(std::vector<ComparedRun> runs, const std::string& baseline, int draws) {
  if (runs.empty()) throw UsageError("compare: expected a pool or more");
  check_same_documents(runs);
  Comparison comparison;
  comparison.domains = names_of(runs.front());
  std::vector<std::string> names;
  for (ComparedRun& run : runs) {
    auto at = std::find(names.begin(), names.end(), run.name);
    if (at == names.end()) {
      names.push_back(run.name);
      comparison.groups.push_back({.name = run.name, .runs = {}, .numbers = {}, .kept_least_well = "", .difference = {}});
      at = names.end() - 1;
    }
    comparison.groups[static_cast<std::size_t>(at - names.begin())].runs.push_back(std::move(run));
  }
  if (!baseline.empty()) {
    const auto at = std::find(names.begin(), names.end(), baseline);
    if (at == names.end())
      throw UsageError(fmt::format("option 'baseline': expected one of {}, found '{}'{}", fmt::join(names, ", "), baseline,
                                   did_you_mean(baseline, names)));
    comparison.baseline = static_cast<std::size_t>(at - names.begin());
  }
  for (ComparedGroup& group : comparison.groups) describe(group, draws);
  const ComparedGroup& base = comparison.groups[comparison.baseline];
  for (ComparedGroup& group : comparison.groups)
    if (&group != &base) group.difference = difference_of(group, base, draws);
  return comparison;
}

}  // namespace peer::trainer
