#include "streams/shuffle.h"

#include <algorithm>
#include <numeric>

#include "peer/base/require.h"

namespace peer::streams {
namespace {

// Documents and windows of an epoch draw from streams of their own.
Random document_draws(std::uint64_t seed, std::int64_t epoch) { return {seed, Purpose::kShuffle, static_cast<std::uint32_t>(2 * epoch)}; }
Random window_draws(std::uint64_t seed, std::int64_t epoch) { return {seed, Purpose::kShuffle, static_cast<std::uint32_t>(2 * epoch + 1)}; }

}  // namespace

void permute(std::uint64_t seed, std::int64_t epoch, std::vector<std::int64_t>& order) {
  const Random random = document_draws(seed, epoch);
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t last = order.size(); last > 1; --last) std::swap(order[last - 1], order[random.below(last, last)]);
}

WindowShuffle::WindowShuffle(std::int64_t capacity) : capacity_(capacity), random_(window_draws(0, 0)) {
  require(capacity >= 1, "shuffle: room for at least one window");
}

void WindowShuffle::begin(std::int64_t windows, std::uint64_t seed, std::int64_t epoch) {
  windows_ = windows;
  random_ = window_draws(seed, epoch);
  entered_ = std::min(windows, capacity_);
  buffer_.resize(static_cast<std::size_t>(entered_));
  std::iota(buffer_.begin(), buffer_.end(), 0);
}

std::int64_t WindowShuffle::next() {
  require(!empty(), "shuffle: a window that has not left");
  const auto left = static_cast<std::uint64_t>(entered_) - buffer_.size();
  auto& chosen = buffer_[random_.below(left, buffer_.size())];
  const std::int64_t window = chosen;
  if (entered_ < windows_) {
    chosen = entered_++;
  } else {
    chosen = buffer_.back();
    buffer_.pop_back();
  }
  return window;
}

}  // namespace peer::streams
