#include "tests/bench/report_line.h"

#include <cstdio>

#include <fmt/format.h>

namespace peer::bench {

Report::Report() {
  fmt::print("{:<18} {:<26} {:>10} {:>10} {:<10} {:>10} {:>12}\n", "name", "shape", "measured", "limit", "unit", "reached", "target");
}

void Report::print(const Line& line) {
  const auto short_of = [&](double wanted) { return line.less_is_better ? line.figure > wanted : line.figure < wanted; };
  const auto figure = [&](double value) { return fmt::format("{:.4g}{}", value, line.figure_unit); };
  const bool anchor = line.goal.target == 0;
  fmt::print("{:<18} {:<26} {:>10.2f} {:>10} {:<10} {:>10}", line.name, line.shape, line.measured,
             line.limit > 0 ? fmt::format("{:.2f}", line.limit) : "-", line.unit, line.figure > 0 ? figure(line.figure) : "");
  if (!anchor)
    fmt::print(" {:>12}  {}", (line.less_is_better ? "<= " : ">= ") + figure(line.goal.target),
               short_of(line.goal.target) ? "missed" : "met");
  if (line.goal.bound > 0 && short_of(line.goal.bound)) {
    within_bounds_ = false;
    fmt::print("  BEYOND THE BOUND OF {}", figure(line.goal.bound));
  }
  fmt::print("\n");
  std::fflush(stdout);
}

void print_profile(const Profile& profile, std::int64_t times, std::int64_t tokens, double seconds) {
  const double scale = 1e6 / static_cast<double>(times * tokens);
  double ops = 0;
  for (const Profile::Entry& e : profile.entries()) {
    fmt::print("  {:<28} {:>8.2f}  {:>4} calls\n", e.name, scale * e.seconds, e.calls / times);
    ops += e.seconds;
  }
  fmt::print("  {:<28} {:>8.2f}\n  {:<28} {:>8.2f}\n", "between ops", scale * (seconds - ops), "the whole", scale * seconds);
}

}  // namespace peer::bench
