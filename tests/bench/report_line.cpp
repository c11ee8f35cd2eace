#include "tests/bench/report_line.h"

#include <cstdio>

#include <fmt/format.h>

namespace peer::bench {

Report::Report() {
  fmt::print("{:<16} {:<28} {:>12} {:>12} {:<9} {:>8} {:>8}\n", "name", "shape", "measured", "limit", "unit", "reached", "target");
}

void Report::print(const Line& line) {
  const std::string limit = line.limit > 0 ? fmt::format("{:.2f}", line.limit) : "-";
  const std::string unit = line.figure.empty() ? "%" : line.figure;
  const bool met = line.less_is_better ? line.percent <= line.target : line.percent >= line.target;
  std::string verdict = line.target == 0 ? "" : fmt::format("{:>7.4g}{:<2} {}", line.target, unit, met ? "met" : "missed");
  if (line.floor > 0 && (line.less_is_better ? line.percent > line.floor : line.percent < line.floor)) {
    above_floor_ = false;
    verdict += fmt::format("  BEYOND ITS BOUND OF {:.4g}{}", line.floor, unit);
  }
  fmt::print("{:<16} {:<28} {:>12.2f} {:>12} {:<9} {:>7.4g}{:<2} {}\n", line.name, line.shape, line.measured, limit, line.unit,
             line.percent, unit, verdict);
  std::fflush(stdout);
}

}  // namespace peer::bench
