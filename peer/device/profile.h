// Where the time goes: seconds and calls of every op and GEMM that ran with a Context that carries a profile.
#pragma once

#include <time.h>

#include <cstdint>
#include <string_view>
#include <vector>

namespace peer {

class Profile {
 public:
  struct Entry {
    std::string_view name;  // of the op; lives as long as the program
    double seconds = 0;
    std::int64_t calls = 0;
  };
  // CLOCK_THREAD_CPUTIME_ID leaves other programs out, and is right for a Context of one thread.
  explicit Profile(clockid_t clock = CLOCK_MONOTONIC) : clock_(clock) {}

  const std::vector<Entry>& entries() const { return entries_; }  // in the order of first use
  void clear() { entries_.clear(); }

 private:
  friend class Timed;
  double now() const {
    timespec time;
    clock_gettime(clock_, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }
  void add(std::string_view name, double seconds) {
    for (Entry& entry : entries_)
      if (entry.name == name) {
        entry.seconds += seconds, ++entry.calls;
        return;
      }
    entries_.push_back({name, seconds, 1});
  }

  clockid_t clock_;
  bool inside_ = false;  // what runs inside an op is part of it; its threads only read this
  std::vector<Entry> entries_;
};

// Adds the time of its scope to a profile; null costs one comparison.
class Timed {
 public:
  Timed(Profile* profile, std::string_view name) : profile_(profile && !profile->inside_ ? profile : nullptr), name_(name) {
    if (!profile_) return;
    profile_->inside_ = true;
    began_ = profile_->now();
  }
  Timed(const Timed&) = delete;
  ~Timed() {
    if (!profile_) return;
    profile_->add(name_, profile_->now() - began_);
    profile_->inside_ = false;
  }

 private:
  Profile* profile_;
  std::string_view name_;
  double began_ = 0;
};

}  // namespace peer
