// The lines that a benchmark prints: what was measured, the limit that was measured beside it, and how near they are.
#pragma once

#include <string>

namespace peer::bench {

struct Line {
  std::string name;   // peer.forward
  std::string shape;  // "E=1048576 T=512 D=256"
  std::string unit;   // us/token
  double measured = 0;
  double limit = 0;        // in the same unit; 0: none
  double percent = 0;      // of the limit, or the line's own figure where `figure` names one
  double target = 0;       // percent, or as `figure` says; 0: the line is an anchor
  double floor = 0;        // --check fails below it; 0: not checked
  std::string figure;      // what percent and target are, when not "% of the limit"
  bool less_is_better = false;
};

// Prints lines as they come and remembers whether one fell below its floor.
class Report {
 public:
  Report();
  void print(const Line& line);
  bool all_above_floor() const { return above_floor_; }

 private:
  bool above_floor_ = true;
};

}  // namespace peer::bench
