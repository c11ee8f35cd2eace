#include "streams/tokenizer/pair_merger.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "peer/base/require.h"

namespace peer::streams {
namespace {

constexpr std::size_t kMaxScanned = 64;
constexpr std::int32_t kNever = std::numeric_limits<std::int32_t>::max();

Merge merge_of(const MergeTable& table, std::int32_t left, std::int32_t right) {
  const Merge* merge = table.find(left, right);
  return merge == nullptr ? Merge{kNever, 0} : *merge;
}

}  // namespace

void PairMerger::merge(std::vector<std::int32_t>& tokens, const MergeTable& table) {
  require(tokens.size() < std::size_t{kNever}, "pair merger: positions fit 31 bits");
  if (tokens.size() < 2) return;
  merges_.resize(tokens.size());
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) merges_[i] = merge_of(table, tokens[i], tokens[i + 1]);
  merges_.back() = {kNever, 0};
  if (tokens.size() <= kMaxScanned)
    merge_by_scan(tokens, table);
  else
    merge_by_heap(tokens, table);
}

void PairMerger::merge_by_scan(std::vector<std::int32_t>& tokens, const MergeTable& table) {
  std::size_t size = tokens.size();
  for (;;) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < size; ++i)
      if (merges_[i].rank < merges_[best].rank) best = i;
    if (merges_[best].rank == kNever) break;
    tokens[best] = merges_[best].token;
    std::copy(tokens.begin() + static_cast<std::ptrdiff_t>(best) + 2, tokens.begin() + static_cast<std::ptrdiff_t>(size),
              tokens.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    std::copy(merges_.begin() + static_cast<std::ptrdiff_t>(best) + 2, merges_.begin() + static_cast<std::ptrdiff_t>(size),
              merges_.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    --size;
    merges_[best] = best + 1 < size ? merge_of(table, tokens[best], tokens[best + 1]) : Merge{kNever, 0};
    if (best > 0) merges_[best - 1] = merge_of(table, tokens[best - 1], tokens[best]);
  }
  tokens.resize(size);
}

void PairMerger::merge_by_heap(std::vector<std::int32_t>& tokens, const MergeTable& table) {
  const auto size = static_cast<std::int32_t>(tokens.size());
  next_.resize(tokens.size());
  previous_.resize(tokens.size());
  heap_.clear();
  const auto index = [](std::int32_t at) { return static_cast<std::size_t>(at); };
  for (std::int32_t at = 0; at < size; ++at) {
    next_[index(at)] = at + 1;
    previous_[index(at)] = at - 1;
    if (merges_[index(at)].rank != kNever) heap_.push_back({merges_[index(at)].rank, at});
  }
  std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
  const auto consider = [&](std::int32_t at) {
    const std::int32_t next = next_[index(at)];
    merges_[index(at)] = next < size ? merge_of(table, tokens[index(at)], tokens[index(next)]) : Merge{kNever, 0};
    if (merges_[index(at)].rank == kNever) return;
    heap_.push_back({merges_[index(at)].rank, at});
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  };
  while (!heap_.empty()) {
    const Candidate best = heap_.front();
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    heap_.pop_back();
    // A rank belongs to one pair: another one, or none, stands there when a neighbour has merged since.
    if (merges_[index(best.at)].rank != best.rank) continue;
    tokens[index(best.at)] = merges_[index(best.at)].token;
    const std::int32_t gone = next_[index(best.at)], behind = next_[index(gone)];
    merges_[index(gone)] = {kNever, 0};
    next_[index(best.at)] = behind;
    if (behind < size) previous_[index(behind)] = best.at;
    consider(best.at);
    if (previous_[index(best.at)] >= 0) consider(previous_[index(best.at)]);
  }
  std::size_t kept = 0;
  for (std::int32_t at = 0; at < size; at = next_[index(at)]) tokens[kept++] = tokens[index(at)];
  tokens.resize(kept);
}

}  // namespace peer::streams
