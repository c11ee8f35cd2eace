#include "peer/model/vocabulary_delta.h"

#include <cmath>

#include "peer/device/copy.h"
#include "peer/ops/embedding.h"

namespace peer::model {

VocabularyDelta::VocabularyDelta(layers::Parameters& parameters, const std::string& view, const ModelOptions& model,
                                 const DeltaOptions& options, std::uint64_t seed)
    : rank_(options.vocabulary_rank) {
  const std::int64_t vocabulary = model.vocabulary, width = model.width;
  const auto add = [&](const std::string& name, std::int64_t rows, std::int64_t columns) {
    return &parameters.add(view + name, {rows, columns}, layers::ParameterGroup::kDelta);
  };
  if (options.changes_embedding() && rank_ == 0) embedding_ = add(".embed_tokens.delta", vocabulary, width);
  if (options.changes_embedding() && rank_ > 0) {
    embedding_ = add(".embed_tokens.lora_embedding_A.weight", vocabulary, rank_);
    embedding_map_ = add(".embed_tokens.lora_embedding_B.weight", width, rank_);
    parameters.draw(*embedding_map_, 1.0 / std::sqrt(static_cast<double>(rank_)), seed);
  }
  if (rank_ == 0)
    head_ = add(".lm_head.delta", vocabulary, width);
  else
    adapter_ = layers::LowRankAdapter::create(parameters, view + ".lm_head", width, vocabulary, rank_, seed);
}

VocabularyActivations VocabularyDelta::activations(Device device, std::int64_t tokens, bool keep) const {
  VocabularyActivations saved;
  if (rank_ == 0) return saved;
  if (changes_embedding()) saved.embedded = Buffer<float>(device, tokens * rank_);
  saved.projected = Buffer<float>(device, tokens * rank_);
  if (keep) saved.dlow = Buffer<float>(device, tokens * rank_);
  return saved;
}

void VocabularyDelta::embed(Context& ctx, View<const std::int32_t, 1> token, VocabularyActivations& saved, View<float, 2> x) const {
  if (!changes_embedding()) return;
  if (rank_ == 0) return ops::embedding(ctx, {.id = token, .table = embedding_->matrix(), .x = x});
  const View<float, 2> low = saved.embedded.view(token.shape[0], rank_);
  queue_zero(ctx, low);
  ops::embedding(ctx, {.id = token, .table = embedding_->matrix(), .x = low});
  layers::linear(ctx, low, *embedding_map_, 1.0f, x);
}

void VocabularyDelta::embed_backward(Context& ctx, View<const std::int32_t, 1> token, View<const float, 2> dx,
                                     VocabularyActivations& saved) const {
  if (!changes_embedding() || !embedding_->trainable()) return;  // table and map are trained together
  if (rank_ == 0) return ops::embedding_backward(ctx, {.id = token, .dx = dx, .dtable = embedding_->gradient_matrix()});
  const std::int64_t n = token.shape[0];
  const View<float, 2> dlow = saved.dlow.view(n, rank_);
  layers::linear_backward(ctx, saved.embedded.view(n, rank_), dx, *embedding_map_, 0.0f, dlow);
  ops::embedding_backward(ctx, {.id = token, .dx = dlow, .dtable = embedding_->gradient_matrix()});
}

void VocabularyDelta::predict(Context& ctx, const Operand& normed, VocabularyActivations& saved, View<float, 2> logits) const {
  if (rank_ == 0) return layers::linear(ctx, normed, *head_, 1.0f, logits);
  adapter_->forward(ctx, normed, saved.projected.view(normed.rows(), rank_), logits);
}

void VocabularyDelta::predict_backward(Context& ctx, const Operand& normed, View<const float, 2> dlogits, VocabularyActivations& saved,
                                       View<float, 2> dnormed) const {
  if (rank_ == 0) return layers::linear_backward(ctx, normed, dlogits, *head_, 1.0f, dnormed);
  const std::int64_t n = normed.rows();
  adapter_->backward(ctx, normed, saved.projected.view(n, rank_), dlogits, saved.dlow.view(n, rank_), dnormed);
}

}  // namespace peer::model
