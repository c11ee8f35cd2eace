// Where the time goes: seconds, calls and work of every op and GEMM that ran with a Context that carries a profile.
#pragma once

#include <time.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "peer/device/work.h"

namespace peer {

class Profile {
 public:
  struct Entry {
    std::string_view name;  // of the op; lives as long as the program
    double seconds = 0;
    std::int64_t calls = 0;
    Work work = {};
  };
  // CLOCK_THREAD_CPUTIME_ID leaves other programs out, and is right for a Context of one thread.
  explicit Profile(clockid_t clock = CLOCK_MONOTONIC) : clock_(clock) {}

  const std::vector<Entry>& entries() const { return entries_; }  // in the order of first use
  // Whole steps (peer/device/timed_step.h): their time is that of the entries and of everything else.
  std::int64_t steps() const { return steps_; }
  double step_seconds() const { return step_seconds_; }
  void clear() { entries_.clear(), steps_ = 0, step_seconds_ = 0; }

 private:
  friend class Timed;
  friend class TimedStep;
  double now() const {
    timespec time;
    clock_gettime(clock_, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }
  void add(std::string_view name, double seconds, const Work& work) {
    for (Entry& entry : entries_)
      if (entry.name == name) {
        entry.seconds += seconds, ++entry.calls, entry.work += work;
        return;
      }
    entries_.push_back({name, seconds, 1, work});
  }

  clockid_t clock_;
  bool inside_ = false;  // what runs inside an op is part of it; its threads only read this
  std::vector<Entry> entries_;
  std::int64_t steps_ = 0;
  double step_seconds_ = 0;
};

// Adds the time of its scope to a profile, and what count_work() returns, which is not timed; null costs one comparison.
class Timed {
 public:
  template <class CountWork>
  Timed(Profile* profile, std::string_view name, CountWork&& count_work)
      : profile_(profile && !profile->inside_ ? profile : nullptr), name_(name) {
    if (!profile_) return;
    work_ = count_work();
    profile_->inside_ = true;
    began_ = profile_->now();
  }
  Timed(const Timed&) = delete;
  ~Timed() {
    if (!profile_) return;
    profile_->add(name_, profile_->now() - began_, work_);
    profile_->inside_ = false;
  }

 private:
  Profile* profile_;
  std::string_view name_;
  Work work_;
  double began_ = 0;
};

}  // namespace peer
