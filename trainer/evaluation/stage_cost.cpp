#include "trainer/evaluation/stage_cost.h"

#include <sys/resource.h>

#include <cmath>
#include <sstream>

#include <fmt/format.h>

#include "trainer/evaluation/folding_cost.h"
#include "trainer/state/held_out.h"

namespace peer::trainer {
namespace {

// A stage is known by its place and by what it computed of its own domain, or of the oldest one: after a rollback another stage may stand
// there. (Cells of other domains may be added later.)
std::string key_of(const History& history, std::size_t stage) {
  const StageRecord& record = history.stages[stage];
  auto cell = record.bits.find(record.domain);
  if (cell == record.bits.end() && !history.domains.empty()) cell = record.bits.find(history.domains.front().name);
  return fmt::format("cost/{} {}", stage, cell == record.bits.end() ? "" : to_hex(cell->second));
}

std::string running_key(const History& history, GenerationId parent) {
  return fmt::format("cost so far/{} g{}", history.stages.size(), parent.value);
}

double replayable_bytes(const pool::Pool& pool, const History& history) {
  double bytes = 0;
  for (const DomainRecord& domain : history.domains) {
    if (domain.reservoir.empty()) continue;
    for (const streams::Document& document : read_reservoir(pool, domain)) bytes += static_cast<double>(document.text.size());
  }
  return bytes;
}

double greater(double a, double b) { return std::isnan(a) || b > a ? b : a; }

}  // namespace

double peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024;
}

std::pair<std::string, std::string> running_cost_record(const History& history, GenerationId parent, const Spent& spent) {
  return {running_key(history, parent), fmt::format("{:.3f} {:.0f} {:.0f}", spent.seconds, spent.flops, spent.bytes_written)};
}

Spent read_running_cost(const pool::Pool& pool, const History& history, GenerationId parent) {
  std::istringstream record(pool.record(running_key(history, parent)).value_or(""));
  Spent spent;
  return record >> spent.seconds >> spent.flops >> spent.bytes_written ? spent : Spent{};
}

std::pair<std::string, std::string> cost_record(const pool::Pool& pool, const History& history, const Spent& spent) {
  return {key_of(history, history.stages.size() - 1), fmt::format("{:.3f} {:.0f} {:.0f} {:.0f} {:.0f}", spent.seconds, spent.bytes_written,
                                                                  peak_memory(), replayable_bytes(pool, history), spent.flops)};
}

std::vector<StageCost> stage_costs(const pool::Pool& pool, const History& history) {
  std::vector<StageCost> costs;
  for (std::size_t i = 0; i < history.stages.size(); ++i) {
    const StageRecord& stage = history.stages[i];
    if (stage.steps == 0) continue;
    StageCost& cost = costs.emplace_back();
    cost.stage = history.stage_name(i);
    cost.steps = stage.steps, cost.parameters_added = stage.parameters_added;
    std::istringstream record(pool.record(key_of(history, i)).value_or(""));
    for (double* number : {&cost.seconds, &cost.bytes_written, &cost.peak_bytes, &cost.old_text_bytes, &cost.flops})
      if (!(record >> *number)) *number = kMissing;
  }
  return costs;
}

StageCost total_cost(const std::vector<StageCost>& costs) {
  StageCost total{.stage = "total", .seconds = 0, .bytes_written = 0, .flops = 0};
  for (const StageCost& cost : costs) {
    total.seconds += cost.seconds, total.steps += cost.steps;
    total.parameters_added += cost.parameters_added, total.bytes_written += cost.bytes_written, total.flops += cost.flops;
    total.peak_bytes = greater(total.peak_bytes, cost.peak_bytes);
    total.old_text_bytes = greater(total.old_text_bytes, cost.old_text_bytes);
  }
  return total;
}

}  // namespace peer::trainer
