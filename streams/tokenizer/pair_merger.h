#pragma once

#include <cstdint>
#include <vector>

#include "streams/tokenizer/merge_table.h"

namespace peer::streams {

// Merges the neighbours of lowest rank, the leftmost first, until none merge (Sennrich et al. 2016). Of one thread at a time.
class PairMerger {
 public:
  // `tokens` is the word, one token a character, and then what it is encoded as. O(n^2) with a tiny constant for a short word,
  // O(n log n) for a long one.
  void merge(std::vector<std::int32_t>& tokens, const MergeTable& table);

 private:
  struct Candidate {
    std::int32_t rank, at;
    bool operator>(const Candidate& other) const { return rank != other.rank ? rank > other.rank : at > other.at; }
  };

  void merge_by_scan(std::vector<std::int32_t>& tokens, const MergeTable& table);
  void merge_by_heap(std::vector<std::int32_t>& tokens, const MergeTable& table);

  std::vector<Merge> merges_;  // of each token with the next one
  std::vector<std::int32_t> next_, previous_;
  std::vector<Candidate> heap_;
};

}  // namespace peer::streams
