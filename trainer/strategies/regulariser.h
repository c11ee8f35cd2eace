// What is penalised: moving weights that mattered to older domains.
//
//   penalty = weight/2 * sum_i F_i (w_i - a_i)^2;   gradient: weight * (F_i w_i - pull_i),  pull_i = F_i a_i
//
//   l2sp         F = 1, a: the weights before the stage                                   (Li et al. 2018)
//   ewc          F: sum of Fisher information over the stages before, each anchored at its own end: pull = sum F_k a_k
//                                                                                         (Kirkpatrick et al. 2017)
//   online-ewc   F: the same sum, decayed; a: the weights before the stage                (Schwarz et al. 2018)
//   si, mas      other importances F, anchored alike                                      (Zenke et al. 2017, Aljundi et al. 2018)
//
// Of the experts only rows that a step touches are pulled: the others did not move in it. Importances have a mean of 1 over all numbers.
#pragma once

#include "trainer/strategies/parameter_field.h"
#include "trainer/strategies/weight_penalty.h"

namespace peer::trainer {

class Regulariser final : public WeightPenalty {
 public:
  Regulariser(double weight, ParameterField importance, ParameterField pull);

  void add_to(layers::Parameter& parameter) const override;
  void add_to(const layers::PeerBlock& block, View<const std::int64_t, 1> expert, View<float, 2> gradient) const override;

 private:
  float weight_;
  ParameterField importance_, pull_;
};

}  // namespace peer::trainer
