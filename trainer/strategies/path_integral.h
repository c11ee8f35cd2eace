// Synaptic intelligence (Zenke et al. 2017): how much of the loss's fall each number brought about along the path of training.
//
//   work_i -= g_i * (change of w_i in the step), g the gradient of the loss alone;   importance_i = max(0, work_i) / (D_i^2 + xi)
//   D_i: how far the number moved in the whole stage
#pragma once

#include "trainer/strategies/parameter_field.h"

namespace peer::trainer {

class PathIntegral {
 public:
  PathIntegral(model::Model& model, std::span<const int> views);

  // Before anything is added to the gradients, and after the update.
  void before(const layers::Parameter& parameter);
  void after(const layers::Parameter& parameter);
  // The same for the experts of one chunk; the two calls come in pairs.
  void before(const layers::PeerBlock& block, View<const std::int64_t, 1> expert, View<const float, 2> gradient);
  void after(const layers::PeerBlock& block, View<const std::int64_t, 1> expert);

  ParameterField& work() { return work_; }
  const ParameterField& work() const { return work_; }
  // `start`: the weights before the stage.
  ParameterField importance(const ParameterField& start) const;

  static constexpr double kDamping = 1e-6;  // xi: squares of moves below a thousandth count as one of that size

 private:
  ParameterField work_, gradient_, weight_;       // the last two: dense tensors, at the last `before`
  std::vector<float> row_gradient_, row_weight_;  // the same for a chunk of experts
};

}  // namespace peer::trainer
