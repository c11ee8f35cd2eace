#pragma once

#include "peer/device/context.h"
#include "peer/device/profile.h"

namespace peer {

// A step of many ops: ops of ctx are timed within its scope and not outside. Null: nothing is timed.
class TimedStep {
 public:
  TimedStep(Context& ctx, Profile* profile) : ctx_(ctx), profile_(profile) {
    if (!profile_) return;
    ctx_.set_profile(profile_);
    began_ = profile_->now();
  }
  TimedStep(const TimedStep&) = delete;
  ~TimedStep() {
    if (!profile_) return;
    profile_->step_seconds_ += profile_->now() - began_, ++profile_->steps_;
    ctx_.set_profile(nullptr);
  }

 private:
  Context& ctx_;
  Profile* profile_;
  double began_ = 0;
};

}  // namespace peer
