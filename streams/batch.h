#pragma once

#include <cstdint>
#include <vector>

namespace peer::streams {

// B windows of T+1 tokens: inputs are columns [0, T), targets columns [1, T+1).
struct Batch {
  std::int64_t rows = 0, length = 0;  // B, T
  std::vector<std::int32_t> tokens;   // (B, T+1)
  std::int64_t bytes = 0;             // of raw text among the targets
};

}  // namespace peer::streams
