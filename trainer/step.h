#pragma once

#include <cstdint>

#include "peer/model/model.h"
#include "streams/batch.h"
#include "trainer/path_integral.h"
#include "trainer/regulariser.h"
#include "trainer/teacher.h"
#include "trainer/train_options.h"

namespace peer::trainer {

// What a step adds to the plain gradient, or takes note of. None are owned; each may be missing.
struct StepTerms {
  const Regulariser* regulariser = nullptr;
  PathIntegral* path = nullptr;
  Teacher* teacher = nullptr;
};

// One optimizer step after another on one view. Owns the activations: after the first step nothing is allocated.
class TrainingStep {
 public:
  TrainingStep(Context& ctx, model::Model& model, int view, const TrainOptions& options, const StepTerms& terms = {});

  // Forward, backward, AdamW; step counts from 0. Returns the mean cross-entropy in bits a byte of text. NumericError when the loss or the
  // gradient is not finite: the model is then not to be committed.
  double run(const streams::Batch& batch, std::int64_t step);
  // A forward pass alone, which moves batch statistics and nothing else.
  void measure_statistics(const streams::Batch& batch);

 private:
  void load(const streams::Batch& batch);
  double cross_entropy(std::int64_t step);  // the logits become their gradient
  void update_experts(layers::PeerBlock& block, View<const std::int64_t, 1> expert, View<float, 2> gradient, double share);
  void update_dense(std::int64_t step, double share);
  double dense_gradient_norm();

  Context& ctx_;
  model::Model& model_;
  TrainOptions options_;
  StepTerms terms_;
  model::Activations saved_;
  Buffer<std::int32_t> input_, target_;  // (N)
  Buffer<float> nll_;                    // (N)
};

}  // namespace peer::trainer
