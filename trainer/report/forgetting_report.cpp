#include "trainer/report/forgetting_report.h"

#include <algorithm>

#include <fmt/format.h>

#include "trainer/evaluation/document_sum.h"
#include "trainer/state/held_out.h"
#include "trainer/state/views.h"

namespace peer::trainer {
namespace {

struct BestAndLast {
  std::vector<DocumentBits> best, last;
};
// For every domain its documents' bits after the stage that was best for it, before the last, and after the last; empty for one that
// the last stage taught and for one that was not measured.
std::vector<BestAndLast> best_and_last(const Session& session) {
  const History& history = session.loaded.history;
  const StageRecord& last = history.stages.back();
  std::vector<BestAndLast> pairs(history.domains.size());
  for (std::size_t j = 0; j < history.domains.size(); ++j) {
    const std::string& domain = history.domains[j].name;
    if (history.learnt(domain) + 1 >= history.stages.size()) continue;
    const std::size_t best = history.best_stage(domain, history.stages.size() - 1);
    if (best == 0 || !last.bits.contains(domain)) continue;
    pairs[j] = {read_bits(session.pool, history.stages[best].bits.at(domain)), read_bits(session.pool, last.bits.at(domain))};
  }
  return pairs;
}

}  // namespace

ForgettingReport make_report(const Session& session) {
  const History& history = session.loaded.history;
  ForgettingReport report;
  report.pool = session.pool.path();
  report.created = session.generation.created;
  report.matrix = matrix_of(history);
  const bool mixture = session.loaded.model.newest() > 0 && history.stages.back().mixture;
  report.mixture = mixture ? fmt::format("mixture over {} views", all_views(session.loaded.model).size()) : "one view";
  for (const StageRecord& stage : history.stages) {
    auto& row = report.intervals.emplace_back();
    for (const DomainRecord& domain : history.domains) {
      const auto cell = stage.bits.find(domain.name);
      row.push_back(cell == stage.bits.end() ? Interval{}
                                             : bootstrap(read_bits(session.pool, cell->second), kBootstrapDraws, kBootstrapSeed));
    }
  }
  const std::vector<BestAndLast> pairs = best_and_last(session);
  const auto measured = static_cast<double>(std::ranges::count_if(pairs, [](const BestAndLast& pair) { return !pair.best.empty(); }));
  DocumentSum mean;
  for (std::size_t j = 0; j < pairs.size(); ++j) {
    const auto& [best, last] = pairs[j];
    report.equivalence.push_back(equivalence_test(best, last, kEquivalenceMargin, kBootstrapDraws, kBootstrapSeed));
    if (best.empty()) continue;
    mean.add(history.domains[j].name, last, 1 / measured), mean.add(history.domains[j].name, best, -1 / measured);
  }
  report.mean_forgetting = mean.interval(kBootstrapDraws, kBootstrapSeed);
  for (std::size_t i = 1; i < history.stages.size(); ++i)
    if (const StageRecord& stage = history.stages[i]; stage.strategy == kConsolidate)
      report.foldings.push_back({session.loaded.model.views()[stage.view].name, folding_costs(session.pool, history.stages[i - 1], stage)});
  report.costs = stage_costs(session.pool, history);
  return report;
}

}  // namespace peer::trainer
