#pragma once

#include <chrono>
#include <cstdint>

#include "peer/device/context.h"
#include "trainer/evaluation/stage_cost.h"

namespace peer::trainer {

// What a stage takes, from here on and in earlier runs of it.
class StageMeter {
 public:
  explicit StageMeter(const Context& ctx) : ctx_(ctx), began_(Clock::now()) {}

  void add_earlier(const Spent& earlier) { earlier_ = earlier; }
  // Measuring is no part of what a strategy costs: its FLOPs do not count.
  template <class Measure>
  void apart(Measure&& measure) {
    const double before = ctx_.flops();
    measure();
    flops_apart_ += ctx_.flops() - before;
  }

  double seconds() const { return std::chrono::duration<double>(Clock::now() - began_).count(); }  // of this run
  Spent spent(std::int64_t bytes_written) const {
    return {earlier_.seconds + seconds(), earlier_.flops + ctx_.flops() - flops_apart_,
            earlier_.bytes_written + static_cast<double>(bytes_written)};
  }

 private:
  using Clock = std::chrono::steady_clock;
  const Context& ctx_;
  Clock::time_point began_;
  Spent earlier_;
  double flops_apart_ = 0;
};

}  // namespace peer::trainer
