#pragma once

#include <cstdint>
#include <vector>

#include "peer/base/philox.h"

namespace peer::streams {

// The numbers 0 .. size-1 in a random order (Fisher-Yates); (seed, epoch) fixes it.
void permute(std::uint64_t seed, std::int64_t epoch, std::vector<std::int64_t>& order);

// The windows of an epoch leave in a random order through a buffer: a random one of at most `capacity` leaves, the next one enters.
// Indices alone pass through it, so skipping to the middle of an epoch costs microseconds. (seed, epoch) fixes the order.
class WindowShuffle {
 public:
  explicit WindowShuffle(std::int64_t capacity);
  void begin(std::int64_t windows, std::uint64_t seed, std::int64_t epoch);
  bool empty() const { return buffer_.empty(); }
  std::int64_t next();

 private:
  std::int64_t capacity_, windows_ = 0;
  std::int64_t entered_ = 0;  // windows that ever were in the buffer; minus the buffer: how many left
  Random random_;
  std::vector<std::int64_t> buffer_;
};

}  // namespace peer::streams
