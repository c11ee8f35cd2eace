#pragma once

#include <cstdint>
#include <vector>

#include "peer/device/repeated_work.h"
#include "peer/model/model.h"
#include "streams/batch.h"
#include "trainer/options/train_options.h"
#include "trainer/strategies/held_gradient.h"
#include "trainer/strategies/step_terms.h"

namespace peer::trainer {

// One optimizer step after another on one view. Owns the activations: after the first step nothing is allocated. Between its calls the
// device is idle, and the host may use the model.
class TrainingStep {
 public:
  TrainingStep(Context& ctx, model::Model& model, int view, const TrainOptions& options, const StepTerms& terms = {});

  // Forward, backward, AdamW; step counts from 0. Returns the mean cross-entropy in bits a byte of text. NumericError when the loss or the
  // gradient is not finite: the model is then not to be committed.
  double run(const streams::Batch& batch, std::int64_t step);
  // A forward pass alone, which moves batch statistics and nothing else. What it left behind.
  const model::Activations& forward(const streams::Batch& batch);

 private:
  using ExpertIds = View<const std::int64_t, 1>;
  using RowGradient = View<float, 2>;
  const UpdateMask* mask() const { return terms_.sparse != nullptr ? terms_.sparse : terms_.mask; }
  template <class Visit>
  void for_each_trainable(Visit&& visit);

  void load(const streams::Batch& batch);
  void compute();
  void zero_gradients();
  void cross_entropy(Teacher* teacher);             // the logits become their gradient
  void backward(const layers::RowGradients& rows);  // of what the mask leaves
  void backward_into(HeldGradient& gradient);
  void reference_gradient(const streams::Batch& batch, std::int64_t step);
  ops::RowRule row_rule(const layers::PeerBlock& block) const;
  void update_experts(layers::PeerBlock& block, ExpertIds expert, RowGradient gradient);
  void update_dense();
  void clear_masked_gradients();
  ExpertIds keep_allowed(layers::PeerBlock& block, ExpertIds expert, RowGradient gradient);
  void sum_dense_squares();
  double checked_loss(std::int64_t step);  // nats
  void let_host_in();                      // before a term reads or changes what the device may still be busy with

  Context& ctx_;
  model::Model& model_;
  TrainOptions options_;
  StepTerms terms_;
  model::Activations saved_;
  Buffer<std::int32_t> input_, target_;  // (N)
  Buffer<float> nll_;                    // (N)
  ops::StepState now_;
  Buffer<ops::StepState> now_there_;  // (1)  on the device
  Buffer<double> squares_;            // (1)  of the dense gradient
  Buffer<std::int64_t> allowed_;      // experts of a chunk that the mask leaves
  // What goes to the device and comes back in one copy each: the host never touches the device's memory in a plain step.
  std::vector<std::int32_t> input_here_, target_here_;  // (N)
  std::vector<float> nll_here_;                         // (N)
  double squares_here_ = 0;
  streams::Batch reference_batch_;
  HeldGradient own_, reference_;  // with a reference
  RepeatedWork repeated_;         // without terms
};

}  // namespace peer::trainer
