#pragma once

#include "peer/layers/peer_block.h"

namespace peer::trainer {

// A term of the loss that depends on the weights alone.
class WeightPenalty {
 public:
  virtual ~WeightPenalty() = default;
  // Adds its gradient to that of a dense tensor.
  virtual void add_to(layers::Parameter& parameter) const = 0;
  // ... to those of experts: expert (C), gradient (C, 2D) = [ddown | dup].
  virtual void add_to(const layers::PeerBlock& block, View<const std::int64_t, 1> expert, View<float, 2> gradient) const = 0;
};

}  // namespace peer::trainer
