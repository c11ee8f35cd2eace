// O-LoRA (Wang et al. 2023): the directions that new adapters read are kept orthogonal to those that older adapters read.
//
//   penalty = weight * sum_o |A_o A^T|^2 over the older adapters o of the same map on the view's path, squared Frobenius norm;
//   gradient of A (rank, I): 2 weight sum_o (A_o A^T)^T A_o
#pragma once

#include <map>
#include <vector>

#include "peer/model/model.h"
#include "trainer/strategies/weight_penalty.h"

namespace peer::trainer {

class Orthogonality final : public WeightPenalty {
 public:
  // Of the view's own adapters; the model outlives it.
  Orthogonality(model::Model& model, int view, double weight);

  double value() const;
  void add_to(layers::Parameter& parameter) const override;
  void add_to(const layers::PeerBlock&, View<const std::int64_t, 1>, View<float, 2>) const override {}

 private:
  double weight_;
  std::map<const layers::Parameter*, std::vector<const layers::Parameter*>> older_;  // by the A of the view's own adapters
};

}  // namespace peer::trainer
