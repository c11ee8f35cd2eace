#include "trainer/report/compared_run.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/model/model_cost.h"
#include "trainer/evaluation/stage_cost.h"
#include "trainer/state/held_out.h"
#include "trainer/state/stored_state.h"

namespace peer::trainer {
namespace {

std::vector<DocumentBits> bits_of(const pool::Pool& pool, const StageRecord& stage, const std::string& domain) {
  const auto cell = stage.bits.find(domain);
  return cell == stage.bits.end() ? std::vector<DocumentBits>{} : read_bits(pool, cell->second);
}

DomainCourse course_of(const pool::Pool& pool, const History& history, const DomainRecord& domain) {
  const std::size_t own = history.learnt(domain.name), last = history.stages.size() - 1;
  DomainCourse course{
      .name = domain.name, .held_out = domain.held_out, .naive = domain.naive, .own_bits = {}, .best_bits = {}, .last_bits = {}};
  if (own > last) return course;
  course.before = history.loss(own - 1, domain.name);
  course.own = history.loss(own, domain.name), course.own_bits = bits_of(pool, history.stages[own], domain.name);
  course.last = history.loss(last, domain.name), course.last_bits = bits_of(pool, history.stages[last], domain.name);
  course.older = own < last;
  if (const std::size_t best = history.best_stage(domain.name, last); course.older && best > 0) {
    course.best = history.loss(best, domain.name);
    course.best_bits = bits_of(pool, history.stages[best], domain.name);
  }
  return course;
}

StageCourse course_of(const History& history, std::size_t stage) {
  StageCourse course{.stage = history.stage_name(stage)};
  course.own = history.loss(stage, history.stages[stage].domain);
  double sum = 0;
  int count = 0;
  for (const DomainRecord& domain : history.domains) {
    if (history.learnt(domain.name) >= stage) continue;
    const double forgotten = history.forgotten(stage, domain.name);
    if (std::isnan(forgotten)) continue;
    sum += forgotten, ++count;
    course.forgetting_max = std::fmax(course.forgetting_max, forgotten);
  }
  if (count > 0) course.forgetting_mean = sum / count;
  return course;
}

}  // namespace

std::vector<std::string> ComparedRun::order() const {
  std::vector<std::string> names;
  for (const StageCourse& stage : stages) names.push_back(stage.stage);
  return names;
}

ComparedRun read_run(const pool::Pool& pool, const std::string& ref, const std::string& name) {
  const pool::Generation generation = pool.generation(pool.resolve(ref));
  const StoredState state = parse_state(generation.state, pool.path());
  const History& history = state.history;
  if (history.stages.size() < 3 || history.domains.size() < 2)
    throw UsageError(fmt::format("{}: expected a pool that has learnt two domains or more, found {}; teach it another with peer-cli stream",
                                 pool.path(), history.domains.size()));
  ComparedRun run;
  run.name = name, run.pool = pool.path(), run.seed = state.seed;
  const model::ModelCost base = model::cost_of(state.model);
  run.base_parameters = base.dense_parameters + base.expert_parameters;
  for (const DomainRecord& domain : history.domains) run.domains.push_back(course_of(pool, history, domain));
  for (std::size_t stage = 1; stage < history.stages.size(); ++stage) {
    run.stages.push_back(course_of(history, stage));
  }
  std::vector<StageCost> costs = stage_costs(pool, history);
  costs.erase(costs.begin());
  run.cost = total_cost(costs);
  return run;
}

}  // namespace peer::trainer
