#include "cli/profile_table.h"

#include <algorithm>

#include <fmt/format.h>

#include "cli/text_table.h"

namespace peer::cli {
namespace {

double flops(const Work& work) { return work.flops + work.bf16_flops; }

std::string percent(double part, double whole) { return whole > 0 ? fmt::format("{:.1f}%", 100 * part / whole) : "-"; }

// `amount` a step, and a second, both in units of 1e9; "-" where there is none.
std::vector<std::string> amount_and_speed(double amount, double seconds) {
  if (amount <= 0 || seconds <= 0) return {"-", "-"};
  return {fmt::format("{:.3f}", 1e-9 * amount), fmt::format("{:.1f}", 1e-9 * amount / seconds)};
}

StepTimes::Op sum_of(const std::vector<StepTimes::Op>& ops) {
  StepTimes::Op sum{.name = "the step"};
  for (const StepTimes::Op& op : ops)
    sum.calls += op.calls, sum.seconds += op.seconds, sum.work += op.work, sum.limit_seconds += op.limit_seconds;
  return sum;
}

std::string limits_line(const Roofline& limits) {
  std::string line = fmt::format("{:.1f} GFLOP/s", 1e-9 * limits.flops);
  if (limits.bf16_flops > 0) line += fmt::format(", in bf16 {:.1f} GFLOP/s", 1e-9 * limits.bf16_flops);
  return fmt::format("limits of this machine, measured now: {}, {:.1f} GB/s from memory (what the caches hold can pass it)\n", line,
                     1e-9 * limits.bytes);
}

}  // namespace

StepTimes step_times(const Profile& profile, const Roofline& limits) {
  StepTimes step{.ops = {}, .seconds = 0, .steps = profile.steps(), .limits = limits};
  if (step.steps == 0) return step;
  const auto steps = static_cast<double>(step.steps);
  step.seconds = profile.step_seconds() / steps;
  double rest = step.seconds;
  for (const Profile::Entry& entry : profile.entries()) {
    const Work work{entry.work.flops / steps, entry.work.bf16_flops / steps, entry.work.bytes / steps};
    step.ops.push_back(
        {std::string(entry.name), static_cast<double>(entry.calls) / steps, entry.seconds / steps, work, limits.least_seconds(work)});
    rest -= step.ops.back().seconds;
  }
  std::sort(step.ops.begin(), step.ops.end(), [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  step.ops.push_back({.name = "everything else", .seconds = rest});
  return step;
}

std::string text_of(const StepTimes& step) {
  if (step.steps == 0) return "profile: no step was timed; the first reserves memory and does not count\n";
  constexpr Align kRight = Align::kRight;
  TextTable table({{"op"},
                   {"calls", kRight},
                   {"ms", kRight},
                   {"share", kRight},
                   {"GFLOP", kRight},
                   {"GFLOP/s", kRight},
                   {"GB", kRight},
                   {"GB/s", kRight},
                   {"of limit", kRight}});
  const auto add = [&](const StepTimes::Op& op) {
    std::vector<std::string> row = {op.name, op.calls > 0 ? fmt::format("{:.4g}", op.calls) : "-", fmt::format("{:.3f}", 1e3 * op.seconds),
                                    percent(op.seconds, step.seconds)};
    for (const double amount : {flops(op.work), op.work.bytes})
      for (std::string& cell : amount_and_speed(amount, op.seconds)) row.push_back(std::move(cell));
    row.push_back(op.limit_seconds > 0 ? percent(op.limit_seconds, op.seconds) : "-");
    table.add(std::move(row));
  };
  for (const StepTimes::Op& op : step.ops) add(op);
  add(sum_of(step.ops));
  return fmt::format("a step, the mean of {}:\n", step.steps) + table.text() + limits_line(step.limits);
}

Json json_of(const StepTimes& step) {
  Json ops = Json::array();
  for (const StepTimes::Op& op : step.ops)
    ops.push_back({{"op", op.name},
                   {"calls", op.calls},
                   {"seconds", op.seconds},
                   {"flops", flops(op.work)},
                   {"bytes", op.work.bytes},
                   {"limit_seconds", op.limit_seconds}});
  return {
      {"steps", step.steps},
      {"seconds", step.seconds},
      {"ops", ops},
      {"limits",
       {{"flops_a_second", step.limits.flops}, {"bf16_flops_a_second", step.limits.bf16_flops}, {"bytes_a_second", step.limits.bytes}}}};
}

}  // namespace peer::cli
