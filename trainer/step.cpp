#include "trainer/step.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "peer/base/philox.h"
#include "peer/base/require.h"
#include "peer/device/copy.h"
#include "peer/device/rounded_gemm.h"
#include "peer/model/launch_digest.h"
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
      input_(ctx.device(), saved_.tokens),
      target_(ctx.device(), saved_.tokens),
      nll_(ctx.device(), saved_.tokens),
      now_there_(ctx.device(), 1),
      squares_(ctx.device(), 1),
      allowed_(ctx.device(), mask() == nullptr ? 0 : layers::PeerWorkspace::kSegmentChunk),
      input_here_(static_cast<std::size_t>(saved_.tokens)),
      target_here_(static_cast<std::size_t>(saved_.tokens)),
      nll_here_(static_cast<std::size_t>(saved_.tokens)) {}

void TrainingStep::let_host_in() {
  if (terms_.any_on_host()) ctx_.wait();
}

template <class Visit>
void TrainingStep::for_each_trainable(Visit&& visit) {
  for (int view = 0; view <= model_.newest(); ++view)
    for (auto& parameter : model_.parameters(view))
      if (parameter->trainable()) visit(*parameter);
}

void TrainingStep::load(const streams::Batch& batch) {
  require(batch.rows == saved_.batch && batch.length == saved_.length, "step: the batch must have the shape of the activations");
  for (std::int64_t b = 0; b < batch.rows; ++b)
    for (std::int64_t t = 0; t < batch.length; ++t) {
      const std::int64_t at = b * (batch.length + 1) + t;
      input_here_[static_cast<std::size_t>(b * batch.length + t)] = batch.tokens[at];
      target_here_[static_cast<std::size_t>(b * batch.length + t)] = batch.tokens[at + 1];
    }
  queue_copy(ctx_, input_here_.data(), input_.data(), input_.bytes());
  queue_copy(ctx_, target_here_.data(), target_.data(), target_.bytes());
}

const model::Activations& TrainingStep::forward(const streams::Batch& batch) {
  load(batch);
  model_.forward(ctx_, input_.view(saved_.tokens), saved_, true);
  ctx_.wait();
  return saved_;
}

void TrainingStep::zero_gradients() {
  for (int g : model_.path(saved_.view)) model_.parameters(g).zero_gradients(ctx_);
  model_.base().zero_gradients(ctx_);
}

double TrainingStep::run(const streams::Batch& batch, std::int64_t step) {
  const PrecisionScope precision(ctx_, options_.precision);
  if (terms_.reference != nullptr) reference_gradient(batch, step);
  now_ = {.step = step + 1, .share = rate_share(step, options_)};
  queue_copy(ctx_, &now_, now_there_.data(), now_there_.bytes());
  load(batch);
  if (terms_.any() || saved_.watch)
    compute();
  else
    repeated_.run(ctx_, model::launch_digest(model_), [&] { compute(); });
  const double nats = checked_loss(step);
  return nats / std::numbers::ln2 / static_cast<double>(std::max<std::int64_t>(batch.bytes, 1));
}

// From the loaded batch to the updated weights.
void TrainingStep::compute() {
  using layers::PeerBlock, layers::RowGradients;
  const auto rule = RowGradients::update_by([&](PeerBlock& block) { return row_rule(block); });
  const auto update = [&](PeerBlock& block, ExpertIds expert, RowGradient gradient) { update_experts(block, expert, gradient); };
  zero_gradients();
  model_.forward(ctx_, input_.view(saved_.tokens), saved_, true);
  let_host_in();
  if (terms_.sparse != nullptr) terms_.sparse->choose(count_retrievals(model_, saved_));
  cross_entropy(terms_.teacher);
  if (terms_.reference == nullptr) {
    backward(terms_.any_on_host() ? RowGradients(update) : rule);
  } else {
    backward_into(own_);
    if (project(own_, reference_)) own_.give_back_dense();
    own_.for_each_rows(ctx_.device(), update);
  }
  update_dense();
}

void TrainingStep::reference_gradient(const streams::Batch& batch, std::int64_t step) {
  reference_batch_ = batch;
  terms_.reference->fill(reference_batch_, step);
  load(reference_batch_);
  zero_gradients();
  model_.forward(ctx_, input_.view(saved_.tokens), saved_, false);
  cross_entropy(nullptr);
  backward_into(reference_);
}

void TrainingStep::backward(const layers::RowGradients& rows) {
  if (!terms_.any_on_host()) return model_.backward(ctx_, input_.view(saved_.tokens), saved_, rows);
  model_.backward(ctx_, input_.view(saved_.tokens), saved_, [&](layers::PeerBlock& block, ExpertIds expert, RowGradient gradient) {
    ctx_.wait();
    const ExpertIds left = keep_allowed(block, {expert.data, layers::rows_there(expert)}, gradient);
    if (left.shape[0] > 0) rows(block, left, {gradient.data, left.shape[0], gradient.shape[1]});
  });
  if (mask() == nullptr) return;
  ctx_.wait();
  clear_masked_gradients();
}

// The experts that the mask leaves, whose gradients move to the front.
TrainingStep::ExpertIds TrainingStep::keep_allowed(layers::PeerBlock& block, ExpertIds expert, RowGradient gradient) {
  if (mask() == nullptr) return expert;
  std::int64_t left = 0;
  for (std::int64_t c = 0; c < expert.shape[0]; ++c) {
    if (!mask()->allows(block, expert[c])) continue;
    std::copy_n(gradient.row(c), gradient.shape[1], gradient.row(left));
    allowed_[left++] = expert[c];
  }
  return {allowed_.data(), left};
}

void TrainingStep::backward_into(HeldGradient& gradient) {
  gradient.clear();
  backward([&](layers::PeerBlock& block, ExpertIds expert, RowGradient rows) { gradient.hold(block, expert, rows); });
  ctx_.wait();
  for_each_trainable([&](layers::Parameter& parameter) { gradient.hold(parameter); });
}

void TrainingStep::cross_entropy(Teacher* teacher) {
  const auto target = target_.view(saved_.tokens);
  if (teacher != nullptr) teacher->compare(ctx_, input_.view(saved_.tokens), target, saved_.logits_view());
  ops::cross_entropy_with_gradient(ctx_, {.logits = saved_.logits_view(),
                                          .target = target,
                                          .scale = 1.0f / static_cast<float>(saved_.tokens),
                                          .nll = nll_.view(saved_.tokens)});
  if (teacher != nullptr) teacher->add_gradient(ctx_, saved_.logits_view());
}

// When the device has done the whole step: a number that is none has spoilt the model in memory by then, and is never committed.
double TrainingStep::checked_loss(std::int64_t step) {
  copy_bytes(ctx_, nll_.data(), nll_here_.data(), nll_.bytes());
  copy_bytes(ctx_, squares_.data(), &squares_here_, squares_.bytes());
  double nats = 0;
  for (const float n : nll_here_) nats += static_cast<double>(n);
  if (!std::isfinite(nats))
    throw NumericError(fmt::format("step {}: the loss is not finite; nothing was committed; try lower learning rates", step));
  if (!std::isfinite(squares_here_))
    throw NumericError(fmt::format("step {}: the gradient is not finite; nothing was committed; try lower learning rates", step));
  return nats;
}

ops::RowRule TrainingStep::row_rule(const layers::PeerBlock& block) const {
  return {.rates = rates(options_, options_.expert_rate, 0),
          .clip = static_cast<float>(options_.expert_clip),
          .now = now_there_.data(),
          .rounding = Random(model_.seed(), Purpose::kRounding, static_cast<std::uint32_t>(block.id().value))};
}

void TrainingStep::update_experts(layers::PeerBlock& block, ExpertIds expert, RowGradient gradient) {
  let_host_in();
  const ops::RowRule rule = row_rule(block);
  if (terms_.path != nullptr) terms_.path->before(block, expert, gradient);
  if (terms_.penalty != nullptr) terms_.penalty->add_to(block, expert, gradient);
  if (terms_.sparse != nullptr)
    descend_rows(block, expert, gradient, terms_.sparse->rate() * now_.share, rule.clip, rule.rounding_key());
  else
    ops::adamw_rows(ctx_, {.rule = rule, .expert = expert, .gradient = gradient, .rows = block.experts().rows()});
  if (terms_.path == nullptr) return;
  ctx_.wait();
  terms_.path->after(block, expert);
}

void TrainingStep::sum_dense_squares() {
  queue_zero(ctx_, squares_.view(1));
  for_each_trainable([&](layers::Parameter& p) { ops::sum_of_squares(ctx_, {.x = p.gradient_vector(), .sum = squares_.view(1)}); });
}

void TrainingStep::clear_masked_gradients() {
  for_each_trainable([&](layers::Parameter& parameter) {
    std::int64_t end = 0;
    for (const NumberRange& range : mask()->ranges(parameter)) {
      std::fill(parameter.gradient.data() + end, parameter.gradient.data() + range.first, 0.0f);
      end = range.first + range.count;
    }
    std::fill(parameter.gradient.data() + end, parameter.gradient.data() + parameter.size(), 0.0f);
  });
}

void TrainingStep::update_dense() {
  let_host_in();
  for_each_trainable([&](layers::Parameter& parameter) {
    if (terms_.path != nullptr) terms_.path->before(parameter);
    if (terms_.penalty != nullptr) terms_.penalty->add_to(parameter);
  });
  if (mask() != nullptr) clear_masked_gradients();  // what the penalty added; the norm is that of what moves
  sum_dense_squares();
  for_each_trainable([&](layers::Parameter& parameter) {
    const auto update = [&](const NumberRange& range) {
      const auto part = [&range](Buffer<float>& numbers) { return View<float, 1>(numbers.data() + range.first, range.count); };
      ops::adamw(ctx_, {.rates = rates(options_, rate_of(parameter.group, options_), parameter.decays ? options_.weight_decay : 0),
                        .now = now_there_.data(),
                        .clip = options_.clip,
                        .squares = squares_.view(1),
                        .gradient = part(parameter.gradient),
                        .weight = part(parameter.write()),
                        .m = part(parameter.m),
                        .v = part(parameter.v),
                        .lazy_row = parameter.lazy_row});
    };
    if (mask() == nullptr)
      update({0, parameter.size()});
    else
      for (const NumberRange& range : mask()->ranges(parameter)) update(range);
  });
  if (terms_.path == nullptr) return;
  ctx_.wait();
  for_each_trainable([&](layers::Parameter& parameter) { terms_.path->after(parameter); });
}

}  // namespace peer::trainer
