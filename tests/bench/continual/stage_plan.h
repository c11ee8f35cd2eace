// What a pool of a suite is to go through, and how far it is. A finished stage is a generation: the pool itself knows where it stands.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/continual/suite_file.h"

namespace peer::continual {

struct PlannedStage {
  std::string domain;
  Words command;  // train or stream, and its options; without the pool
};

// A folder with the pool, the commands that made it (`plan`) and what they printed (`log`).
struct PlannedPool {
  std::string folder, title;
  std::string copied_from;  // the folder of the base; empty: made by `init`
  std::size_t copied_stages = 0;
  Words init;
  std::vector<PlannedStage> stages;  // with those of the base

  std::string pool() const { return folder + "/pool"; }
  std::string log() const { return folder + "/log"; }
};

struct PoolProgress {
  bool exists = false, interrupted = false;
  std::vector<std::string> stages;  // domains, as far as the pool has come
};
PoolProgress progress_of(const PlannedPool& planned);

// How many stages of the plan are done. UsageError when the pool holds other stages, or was made with other options.
std::size_t stages_done(const PlannedPool& planned, const PoolProgress& progress);

// Writes the commands down, for people and for stages_done.
void write_plan(const PlannedPool& planned);

}  // namespace peer::continual
