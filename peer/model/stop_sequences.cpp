#include "peer/model/stop_sequences.h"

#include <algorithm>

#include "peer/base/require.h"

namespace peer::model {
namespace {

// How many tokens at the end of `text` are the first ones of `sequence`: the most, but no more than `limit`.
std::size_t begun(std::span<const std::int32_t> text, std::span<const std::int32_t> sequence, std::size_t limit) {
  std::size_t count = std::min({text.size(), sequence.size(), limit});
  while (count > 0 && !std::ranges::equal(text.last(count), sequence.first(count))) --count;
  return count;
}

}  // namespace

StopSequences::StopSequences(std::vector<std::vector<std::int32_t>> sequences) : sequences_(std::move(sequences)) {
  for (const auto& sequence : sequences_) require(!sequence.empty(), "stop sequences: a sequence must hold a token");
}

std::vector<std::int32_t> StopSequences::pass(std::int32_t token) {
  require(!ended_, "stop sequences: the text has ended");
  held_.push_back(token);
  std::size_t complete = 0, open = 0;
  for (const auto& sequence : sequences_) {
    if (begun(held_, sequence, sequence.size()) == sequence.size()) complete = std::max(complete, sequence.size());
    open = std::max(open, begun(held_, sequence, sequence.size() - 1));
  }
  ended_ = complete > 0;
  return release(held_.size() - (ended_ ? complete : open));
}

std::vector<std::int32_t> StopSequences::rest() { return ended_ ? std::vector<std::int32_t>() : release(held_.size()); }

std::vector<std::int32_t> StopSequences::release(std::size_t count) {
  const auto end = held_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<std::int32_t> tokens(held_.begin(), end);
  held_.erase(held_.begin(), end);
  return tokens;
}

}  // namespace peer::model
