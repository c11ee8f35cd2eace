// The model as it was before the stage, asked for its opinion on every batch (learning without forgetting, Li & Hoiem 2016).
#pragma once

#include "peer/model/model.h"

namespace peer::trainer {

class Teacher {
 public:
  // model: frozen, outlives the teacher. view: the one that answers.
  Teacher(model::Model& model, int view, std::int64_t batch, double weight, double temperature);

  // Compares with the student's logits (N, V), which must still be logits. Returns the mean divergence in nats a token.
  double compare(Context& ctx, View<const std::int32_t, 1> token, View<const std::int32_t, 1> target, View<const float, 2> student);
  // Adds weight * mean divergence's gradient to dlogits (N, V).
  void add_gradient(Context& ctx, View<float, 2> dlogits);

 private:
  model::Model& model_;
  double weight_, temperature_;
  model::Activations saved_;
  Buffer<float> divergence_;  // (N)
};

}  // namespace peer::trainer
