#pragma once

#include <cstdint>
#include <vector>

namespace peer::trainer {

// A stretch of one document that a row of a batch reads, and the part of it that the row scores.
struct Window {
  std::int64_t begin;        // first input token
  std::int64_t score_begin;  // first target that is scored
  std::int64_t end;          // inputs [begin, end), scored targets [score_begin, end)
};

// The windows that score each of `targets` tokens exactly once: the first scores all it reads, a later one only what the window before
// did not, so each token has at least overlap * length tokens of context behind it.
std::vector<Window> windows_of(std::int64_t targets, std::int64_t length, double overlap);

}  // namespace peer::trainer
