// Who looks on while text is scored before the first step of a stage, which may take longer than the stage itself: shows how far it is, and
// ends it between two batches of windows.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "peer/base/error.h"
#include "peer/base/progress.h"

namespace peer::trainer {

// Somebody asked to stop while text was scored: what was scored so far says nothing.
class ScoringStopped : public Error {
 public:
  using Error::Error;
};

class ScoringWatch {
 public:
  ScoringWatch() = default;  // nobody looks, nothing ends
  // Both must outlive it.
  ScoringWatch(Progress& progress, const std::atomic<bool>& stop, std::string task)
      : progress_(&progress), stop_(&stop), task_(std::move(task)) {}

  // Of `of` parts of this task, which are taken for equally long, number `which`.
  ScoringWatch part(std::int64_t which, std::int64_t of, const std::string& detail) const;

  // Before the first window and after each batch of them. ScoringStopped when somebody asked to stop.
  void see(std::int64_t done_windows, std::int64_t windows) const;

 private:
  Progress* progress_ = nullptr;
  const std::atomic<bool>* stop_ = nullptr;
  std::string task_, detail_;
  double begin_ = 0, share_ = 1;  // of the whole task
};

}  // namespace peer::trainer
