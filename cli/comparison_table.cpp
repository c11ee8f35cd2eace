#include "cli/comparison_table.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "cli/text_table.h"
#include "trainer/report/report_words.h"

namespace peer::cli {
namespace {

using trainer::ComparedGroup;
using trainer::decimal;
using trainer::Estimate;
using trainer::Interval;
using trainer::signed_decimal;

TextTable::Column right(std::string title) { return {std::move(title), Align::kRight}; }

std::string range(const Interval& interval) {
  return std::isnan(interval.low) ? "-" : fmt::format("{} to {}", signed_decimal(interval.low), signed_decimal(interval.high));
}

// A t-interval is symmetric: half its width says all.
std::string plus_minus(const Interval& interval) {
  return std::isnan(interval.low) ? "-" : fmt::format("± {}", decimal((interval.high - interval.low) / 2, 4));
}

bool any_repeated(const trainer::Comparison& comparison) {
  return std::any_of(comparison.groups.begin(), comparison.groups.end(), [](const ComparedGroup& group) { return group.runs.size() > 1; });
}

std::string levels(const trainer::Comparison& comparison, bool repeated) {
  std::vector<TextTable::Column> columns = {{"strategy"}};
  if (repeated) columns.push_back(right("runs"));
  for (const char* title : {"new", "forgotten", "95 %"}) columns.push_back(right(title));
  if (repeated) columns.push_back(right("over runs"));
  for (const char* title : {"at most", "average", "BWT", "added", "time", "computed", "written", "memory", "old text"})
    columns.push_back(right(title));
  TextTable table(columns);
  for (const ComparedGroup& group : comparison.groups) {
    const trainer::GroupNumbers& n = group.numbers;
    std::vector<std::string> row = {trainer::printable(group.name)};
    if (repeated) row.push_back(fmt::format("{}", group.runs.size()));
    row.insert(row.end(), {decimal(n.new_loss.value), signed_decimal(n.forgetting.value), range(n.forgetting.documents)});
    if (repeated) row.push_back(plus_minus(n.forgetting.runs));
    row.insert(row.end(), {signed_decimal(group.forgetting_max), decimal(n.final_average.value), signed_decimal(n.backward_transfer.value),
                           fmt::format("{} %", decimal(100 * group.added_per_domain, 1)), trainer::duration(group.seconds),
                           trainer::operations(group.flops), trainer::byte_size(group.bytes_written), trainer::byte_size(group.peak_bytes),
                           trainer::byte_size(group.old_text_bytes)});
    table.add(row);
  }
  return table.text();
}

std::string differences(const trainer::Comparison& comparison, bool repeated) {
  const std::string& baseline = comparison.groups[comparison.baseline].name;
  std::vector<TextTable::Column> columns = {{fmt::format("against {}", trainer::printable(baseline))}};
  for (const char* title : {"new", "forgotten", "average"}) {
    columns.push_back(right(title));
    columns.push_back(right("95 %"));
    if (repeated) columns.push_back(right("over runs"));
    columns.push_back({""});
  }
  TextTable table(columns);
  for (const ComparedGroup& group : comparison.groups) {
    if (&group == &comparison.groups[comparison.baseline]) continue;
    std::vector<std::string> row = {trainer::printable(group.name)};
    for (const Estimate* e : {&group.difference.new_loss, &group.difference.forgetting, &group.difference.final_average}) {
      row.push_back(signed_decimal(e->value));
      row.push_back(range(e->documents));
      if (repeated) row.push_back(plus_minus(e->runs));
      row.emplace_back(in_words(trainer::standing_of(*e)));
    }
    table.add(row);
  }
  return table.text();
}

// Runs of one order alone can be lined up by stage: those of the group's first.
std::vector<const trainer::ComparedRun*> runs_of_first_order(const ComparedGroup& group) {
  std::vector<const trainer::ComparedRun*> runs;
  for (const trainer::ComparedRun& run : group.runs)
    if (run.order() == group.runs.front().order()) runs.push_back(&run);
  return runs;
}

double mean_over(const std::vector<const trainer::ComparedRun*>& runs, std::size_t stage, double trainer::StageCourse::*number) {
  double sum = 0;
  for (const trainer::ComparedRun* run : runs) sum += run->stages[stage].*number;
  return sum / static_cast<double>(runs.size());
}

}  // namespace

std::string comparison_text(const trainer::Comparison& comparison) {
  const bool repeated = any_repeated(comparison);
  std::string text = levels(comparison, repeated);
  if (comparison.groups.size() > 1) text += '\n' + differences(comparison, repeated);
  text += fmt::format(
      "\nbits per byte, lower is better. new: domains after the first, right after their own stage; forgotten: older domains, at the end,\n"
      "above their best before (at most: the one kept least well); added: parameters a stage, of the base's; time and written: the stages\n"
      "after the first. 95 %: paired bootstrap over documents{}. equal: the whole of both within {} (two one-sided tests)\n",
      repeated ? "; ±: Student's t over runs" : "", trainer::kEquivalenceMargin);
  return text;
}

std::string stages_text(const trainer::Comparison& comparison) {
  std::vector<TextTable::Column> columns = {{"after stage"}};
  for (const ComparedGroup& group : comparison.groups) {
    columns.push_back(right(trainer::printable(group.name)));
    columns.push_back(right("forgotten"));
    columns.push_back(right("at most"));
  }
  TextTable table(columns);
  const auto& stages = comparison.groups.front().runs.front().stages;
  for (std::size_t stage = 0; stage < stages.size(); ++stage) {
    std::vector<std::string> row = {fmt::format("{} {}", stage + 1, trainer::printable(stages[stage].stage))};
    for (const ComparedGroup& group : comparison.groups) {
      const auto runs = runs_of_first_order(group);
      const bool same = stage < runs.front()->stages.size() && runs.front()->stages[stage].stage == stages[stage].stage;
      row.push_back(same ? decimal(mean_over(runs, stage, &trainer::StageCourse::own)) : "-");
      row.push_back(same ? signed_decimal(mean_over(runs, stage, &trainer::StageCourse::forgetting_mean)) : "-");
      row.push_back(same ? signed_decimal(mean_over(runs, stage, &trainer::StageCourse::forgetting_max)) : "-");
    }
    table.add(row);
  }
  return table.text();
}

std::string claims_text(const std::vector<trainer::Claim>& claims) {
  TextTable table({{"claim"}, right("value"), right("bound"), {""}});
  for (const trainer::Claim& claim : claims) {
    const std::string bound = fmt::format("{} {}", claim.at_least ? "at least" : "at most", decimal(claim.bound, 3));
    std::string verdict = claim.met() ? "met" : fmt::format("missed by {}", decimal(claim.missed_by(), claim.digits));
    if (std::isnan(claim.value)) verdict = "not measured";
    table.add({claim.what, decimal(claim.value, claim.digits), bound, verdict});
  }
  return table.text();
}

}  // namespace peer::cli
