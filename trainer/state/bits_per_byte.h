#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace peer::trainer {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();  // a number that was not measured: never 0

// A document's score: bits = sum of -log2 p over its tokens.
struct DocumentBits {
  double bits = 0;
  std::int64_t bytes = 0;
};
double bits_per_byte(const std::vector<DocumentBits>& documents);  // ratio of sums; kMissing when empty

}  // namespace peer::trainer
