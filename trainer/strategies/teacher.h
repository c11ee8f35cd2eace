// The model as it was before the stage, asked for its opinion on every batch (learning without forgetting, Li & Hoiem 2016).
#pragma once

#include <span>
#include <vector>

#include "peer/model/model.h"

namespace peer::trainer {

class Teacher {
 public:
  // model outlives the teacher, and the views that answer are frozen. Several views share the batch's rows: of n, view i answers for rows
  // [i B/n, (i+1) B/n).
  Teacher(model::Model& model, std::span<const int> views, std::int64_t batch, double weight, double temperature);

  // Compares with the student's logits (N, V), which must still be logits. Returns the mean divergence in nats a token.
  double compare(Context& ctx, View<const std::int32_t, 1> token, View<const std::int32_t, 1> target, View<const float, 2> student);
  // Adds weight * mean divergence's gradient to dlogits (N, V).
  void add_gradient(Context& ctx, View<float, 2> dlogits);

 private:
  model::Model& model_;
  double weight_, temperature_;
  std::int64_t tokens_;                    // N
  std::vector<model::Activations> saved_;  // by view, of its rows
  Buffer<float> divergence_;               // (N)
};

}  // namespace peer::trainer
