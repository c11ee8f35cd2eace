// Sparse memory finetuning (Lin et al. 2025): of each batch, only the t experts that it retrieves most and old text least may change, by
// SGD without momentum; everything else is frozen.
//
//   score(i) = c(i) / sum_j c(j) * log( (|B| + 1) / (sum_{b in B} 1[c_b(i) > 0] + 1) )
//   c: retrievals by the batch, over all blocks together; B: batches of old text
#pragma once

#include <map>
#include <set>

#include "trainer/strategies/retrievals.h"
#include "trainer/strategies/update_mask.h"

namespace peer::trainer {

class SparseRows final : public UpdateMask {
 public:
  SparseRows(RetrievalBackground background, std::int64_t rows, double rate);

  void choose(const RetrievalCounts& batch);  // of two equal scores the first by block, then by expert, wins
  bool allows(const layers::PeerBlock& block, std::int64_t expert) const override { return chosen(block.id(), expert); }
  bool chosen(BlockId block, std::int64_t expert) const;
  double rate() const { return rate_; }

 private:
  RetrievalBackground background_;
  std::int64_t rows_;
  double rate_;
  std::map<BlockId, std::set<std::int64_t>> chosen_;
};

// w -= rate * gradient for the experts' records, each row's gradient first clipped to the norm `clip` (0: no clip). Their pages are owned.
// `rounding`: as of ops::AdamwRows.
void descend_rows(layers::PeerBlock& block, View<const std::int64_t, 1> expert, View<const float, 2> gradient, double rate, double clip,
                  std::uint64_t rounding);

}  // namespace peer::trainer
