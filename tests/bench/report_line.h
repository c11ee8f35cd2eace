// The lines that a benchmark prints: what was measured, the limit that was measured beside it, and how near they are.
#pragma once

#include <cstdint>
#include <string>

#include "peer/device/profile.h"

namespace peer::bench {

// What a line should reach, and what --check lets pass: a bound with a generous margin, for machines that others use too. 0: none.
struct Goal {
  double target = 0, bound = 0;
};

struct Line {
  std::string name, shape;
  std::string unit;     // of measured and limit
  double measured = 0;  // medians over the rounds
  double limit = 0;     // 0: there is none
  double figure = 0;    // what the goal is about: the median over the rounds of limit / measured in percent, or as `figure_unit` says
  Goal goal{};
  std::string figure_unit = "%";
  bool less_is_better = false;
};

// Prints lines as they come and remembers whether one was beyond its bound.
class Report {
 public:
  Report();
  void print(const Line& line);
  bool within_bounds() const { return within_bounds_; }

 private:
  bool within_bounds_ = true;
};

// The time of each op in one of `times` repetitions that took `seconds` together, of what is left and of the whole, in microseconds a
// token.
void print_profile(const Profile& profile, std::int64_t times, std::int64_t tokens, double seconds);

}  // namespace peer::bench
