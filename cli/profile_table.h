// What --profile prints: where the time of a training step went, op by op, beside the limits of the machine.
#pragma once

#include <string>
#include <vector>

#include "cli/json_output.h"
#include "peer/device/profile.h"
#include "peer/device/roofline.h"

namespace peer::cli {

// A mean step. The seconds of `ops`, which fall, add up to its seconds: the last is everything else (batches, copies, loops over buffers,
// the profile's own counting), of which no work is known.
struct StepTimes {
  struct Op {
    std::string name;
    double calls = 0, seconds = 0;
    Work work = {};
    double limit_seconds = 0;  // what the work takes at least; 0: not known
  };
  std::vector<Op> ops;
  double seconds = 0;
  std::int64_t steps = 0;  // of which this is the mean; 0: none was timed, and everything is 0
  Roofline limits;
};

StepTimes step_times(const Profile& profile, const Roofline& limits);

std::string text_of(const StepTimes& step);
Json json_of(const StepTimes& step);

}  // namespace peer::cli
