// The gradient of one batch, held until it was compared with another: of every trainable dense tensor, and of the expert rows that the
// batch touched.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "peer/layers/peer_block.h"

namespace peer::trainer {

class HeldGradient {
 public:
  void clear();
  void hold(layers::Parameter& parameter);  // copies its gradient
  // Rows of one block: expert (C), different from those that are held; gradient (C, 2D).
  void hold(layers::PeerBlock& block, View<const std::int64_t, 1> expert, View<const float, 2> gradient);

  double dot(const HeldGradient& other) const;         // over all numbers; what one of them does not hold is 0 there
  void add(double factor, const HeldGradient& other);  // rows that only the other holds are held from then on
  void give_back_dense() const;                        // into the tensors' gradients
  // A block at a time, in memory of `device`; `rows` may change the gradients.
  void for_each_rows(Device device, const layers::RowGradients& rows);

 private:
  struct Rows {
    layers::PeerBlock* block = nullptr;
    std::vector<std::int64_t> expert;
    std::vector<float> gradient;                         // (expert.size(), 2D)
    std::unordered_map<std::int64_t, std::int64_t> row;  // of an expert
    std::int64_t record() const { return 2 * block->experts().width(); }
    float* of(std::int64_t e) { return gradient.data() + row.at(e) * record(); }
    const float* of(std::int64_t e) const { return gradient.data() + row.at(e) * record(); }
  };
  Rows& rows_of(layers::PeerBlock& block);

  std::vector<std::pair<layers::Parameter*, std::vector<float>>> dense_;
  std::map<std::int64_t, Rows> rows_;  // by block
};

// A-GEM (Chaudhry et al. 2019): where g.r < 0, g <- g - (g.r / r.r) r, which leaves g.r = 0. A step against g does then, to first order,
// not raise the loss of which r is the gradient. Elsewhere g stays as it is, bit for bit. True when it was changed.
bool project(HeldGradient& g, const HeldGradient& r);

}  // namespace peer::trainer
