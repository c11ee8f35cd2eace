#include "trainer/stage_cost.h"

#include <sys/resource.h>

#include <cmath>
#include <sstream>

#include <fmt/format.h>

#include "trainer/folding_cost.h"
#include "trainer/held_out.h"

namespace peer::trainer {
namespace {

// A stage is known by what it computed: two stages of the same bits share the record.
std::string key_of(const StageRecord& stage) {
  const auto cell = stage.bits.find(stage.domain);
  return "cost/" + (cell == stage.bits.end() ? std::string("none") : to_hex(cell->second));
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

std::pair<std::string, std::string> cost_record(const pool::Pool& pool, const History& history, double seconds, std::int64_t bytes_written,
                                                double flops) {
  return {key_of(history.stages.back()),
          fmt::format("{:.3f} {} {:.0f} {:.0f} {:.0f}", seconds, bytes_written, peak_memory(), replayable_bytes(pool, history), flops)};
}

std::vector<StageCost> stage_costs(const pool::Pool& pool, const History& history) {
  std::vector<StageCost> costs;
  for (const StageRecord& stage : history.stages) {
    if (stage.steps == 0) continue;
    StageCost& cost = costs.emplace_back();
    cost.stage = stage.strategy == kConsolidate ? "folding" : stage.domain;
    cost.steps = stage.steps, cost.parameters_added = stage.parameters_added;
    std::istringstream record(pool.record(key_of(stage)).value_or(""));
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
