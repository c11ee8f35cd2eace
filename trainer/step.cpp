#include "trainer/step.h"

#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "peer/base/require.h"
#include "peer/ops/adamw.h"
#include "peer/ops/adamw_rows.h"
#include "peer/ops/cross_entropy.h"
#include "peer/ops/sum_of_squares.h"
#include "trainer/schedule.h"

namespace peer::trainer {
namespace {

double rate_of(layers::ParameterGroup group, const TrainOptions& options) {
  switch (group) {
    case layers::ParameterGroup::kTrunk:
      return options.trunk_rate;
    case layers::ParameterGroup::kDelta:
      return options.delta_rate;
    case layers::ParameterGroup::kRouter:
      return options.router_rate;
    case layers::ParameterGroup::kStatistics:
      return 0;
  }
  return 0;
}

ops::AdamwRates rates(const TrainOptions& options, double rate, double decay) {
  return {.learning_rate = static_cast<float>(rate),
          .beta1 = static_cast<float>(options.beta1),
          .beta2 = static_cast<float>(options.beta2),
          .weight_decay = static_cast<float>(decay)};
}

}  // namespace

TrainingStep::TrainingStep(Context& ctx, model::Model& model, int view, const TrainOptions& options, const StepTerms& terms)
    : ctx_(ctx),
      model_(model),
      options_(options),
      terms_(terms),
      saved_(model, view, options.batch, model.options().context, true),
      input_(saved_.tokens),
      target_(saved_.tokens),
      nll_(saved_.tokens) {}

void TrainingStep::load(const streams::Batch& batch) {
  require(batch.rows == saved_.batch && batch.length == saved_.length, "step: the batch must have the shape of the activations");
  for (std::int64_t b = 0; b < batch.rows; ++b)
    for (std::int64_t t = 0; t < batch.length; ++t) {
      const std::int64_t at = b * (batch.length + 1) + t;
      input_[b * batch.length + t] = batch.tokens[at];
      target_[b * batch.length + t] = batch.tokens[at + 1];
    }
}

void TrainingStep::measure_statistics(const streams::Batch& batch) {
  load(batch);
  model_.forward(ctx_, input_.view(saved_.tokens), saved_, true);
}

double TrainingStep::run(const streams::Batch& batch, std::int64_t step) {
  load(batch);
  for (int g : model_.path(saved_.view)) model_.parameters(g).zero_gradients();
  model_.base().zero_gradients();
  model_.forward(ctx_, input_.view(saved_.tokens), saved_, true);
  const double nats = cross_entropy(step);
  const double share = schedule(step, options_.steps, options_.warmup_share, options_.final_share);
  model_.backward(ctx_, input_.view(saved_.tokens), saved_,
                  [&](layers::PeerBlock& block, View<const std::int64_t, 1> expert, View<float, 2> gradient) {
                    update_experts(block, expert, gradient, share);
                  });
  update_dense(step, share);
  return nats / std::numbers::ln2 / static_cast<double>(std::max<std::int64_t>(batch.bytes, 1));
}

double TrainingStep::cross_entropy(std::int64_t step) {
  const auto target = target_.view(saved_.tokens);
  if (terms_.teacher != nullptr) terms_.teacher->compare(ctx_, input_.view(saved_.tokens), target, saved_.logits_view());
  ops::cross_entropy_with_gradient(ctx_, {.logits = saved_.logits_view(),
                                          .target = target,
                                          .scale = 1.0f / static_cast<float>(saved_.tokens),
                                          .nll = nll_.view(saved_.tokens)});
  if (terms_.teacher != nullptr) terms_.teacher->add_gradient(ctx_, saved_.logits_view());
  double nats = 0;
  for (std::int64_t n = 0; n < saved_.tokens; ++n) nats += nll_[n];
  if (!std::isfinite(nats))
    throw NumericError(fmt::format("step {}: the loss is not finite; nothing was committed; try lower learning rates", step));
  return nats;
}

void TrainingStep::update_experts(layers::PeerBlock& block, View<const std::int64_t, 1> expert, View<float, 2> gradient, double share) {
  if (terms_.path != nullptr) terms_.path->before(block, expert, gradient);
  if (terms_.regulariser != nullptr) terms_.regulariser->add_to(block, expert, gradient);
  ops::adamw_rows(ctx_, {.rates = rates(options_, options_.expert_rate * share, 0),
                         .clip = static_cast<float>(options_.expert_clip),
                         .expert = expert,
                         .gradient = gradient,
                         .rows = block.experts().rows()});
  if (terms_.path != nullptr) terms_.path->after(block, expert);
}

double TrainingStep::dense_gradient_norm() {
  double squares = 0;
  for (int view = 0; view <= model_.newest(); ++view)
    for (auto& parameter : model_.parameters(view))
      if (parameter->trainable()) squares += ops::sum_of_squares(ctx_, {.x = parameter->gradient_vector()});
  return std::sqrt(squares);
}

void TrainingStep::update_dense(std::int64_t step, double share) {
  for (int view = 0; view <= model_.newest(); ++view)
    for (auto& parameter : model_.parameters(view)) {
      if (!parameter->trainable()) continue;
      if (terms_.path != nullptr) terms_.path->before(*parameter);
      if (terms_.regulariser != nullptr) terms_.regulariser->add_to(*parameter);
    }
  const double norm = dense_gradient_norm();
  if (!std::isfinite(norm))
    throw NumericError(fmt::format("step {}: the gradient is not finite; nothing was committed; try lower learning rates", step));
  const double scale = options_.clip > 0 && norm > options_.clip ? options_.clip / norm : 1.0;
  for (int view = 0; view <= model_.newest(); ++view)
    for (auto& parameter : model_.parameters(view)) {
      if (!parameter->trainable()) continue;
      ops::adamw(ctx_,
                 {.rates = rates(options_, rate_of(parameter->group, options_) * share, parameter->decays ? options_.weight_decay : 0),
                  .step = step + 1,
                  .gradient_scale = static_cast<float>(scale),
                  .gradient = parameter->gradient_vector(),
                  .weight = {parameter->value.data(), parameter->size()},
                  .m = {parameter->m.data(), parameter->size()},
                  .v = {parameter->v.data(), parameter->size()}});
      if (terms_.path != nullptr) terms_.path->after(*parameter);
    }
}

}  // namespace peer::trainer
