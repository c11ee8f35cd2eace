#include "trainer/strategies/importance.h"

#include <cmath>

#include "peer/base/philox.h"
#include "peer/ops/cross_entropy.h"
#include "streams/batch_stream.h"

namespace peer::trainer {
namespace {

constexpr std::int64_t kShuffleWindows = 1024;

// y ~ softmax(logits), one a row.
void draw_labels(View<const float, 2> logits, const Random& random, View<std::int32_t, 1> label) {
  const auto [rows, width] = logits.shape;
  for (std::int64_t n = 0; n < rows; ++n) {
    const float* row = logits.row(n);
    const float largest = *std::max_element(row, row + width);
    double sum = 0;
    for (std::int64_t i = 0; i < width; ++i) sum += std::exp(static_cast<double>(row[i] - largest));
    double left = random.uniform(static_cast<std::uint64_t>(n)) * sum;
    std::int64_t drawn = 0;
    for (; drawn + 1 < width; ++drawn) {
      left -= std::exp(static_cast<double>(row[drawn] - largest));
      if (left < 0) break;
    }
    label[n] = static_cast<std::int32_t>(drawn);
  }
}

void accumulate(ImportanceKind kind, const float* gradient, std::int64_t count, float* sum) {
  if (kind == ImportanceKind::kFisher)
    for (std::int64_t i = 0; i < count; ++i) sum[i] += gradient[i] * gradient[i];
  else
    for (std::int64_t i = 0; i < count; ++i) sum[i] += std::abs(gradient[i]);
}

}  // namespace

ParameterField measure_importance(Context& ctx, LanguageModel language, int view, std::span<const int> views, ImportanceKind kind,
                                  const std::vector<streams::Document>& documents, std::int64_t windows, std::uint64_t seed) {
  model::Model& model = language.model;
  const std::int64_t length = model.options().context;
  streams::BatchStream stream(documents, language.tokenizer, kShuffleWindows);
  stream.start(1, length, seed, 0);
  model::Activations saved(model, view, 1, length, true);
  Buffer<std::int32_t> input(ctx.device(), length), label(ctx.device(), length);
  Buffer<float> nll(ctx.device(), length);
  ParameterField importance(model, views);
  for (std::int64_t w = 0; w < windows; ++w) {
    const streams::Batch& batch = stream.next();
    const View<const std::int32_t, 1> token = input.view(length);
    std::copy_n(batch.tokens.data(), length, input.data());
    for (const int v : views) model.parameters(v).zero_gradients(ctx);
    model.forward(ctx, token, saved, false);
    ctx.wait();
    if (kind == ImportanceKind::kFisher) {
      draw_labels(saved.logits_view(), Random(seed, Purpose::kImportance, static_cast<std::uint32_t>(w)), label.view(length));
      ops::cross_entropy_with_gradient(ctx,
                                       {.logits = saved.logits_view(), .target = label.view(length), .scale = 1, .nll = nll.view(length)});
    } else {
      for (std::int64_t i = 0; i < saved.logits.size(); ++i) saved.logits[i] *= 2;
    }
    model.backward(ctx, token, saved, [&](layers::PeerBlock& block, View<const std::int64_t, 1> expert, View<float, 2> gradient) {
      ctx.wait();
      const std::int64_t record = gradient.shape[1];
      for (std::int64_t c = 0; c < layers::rows_there(expert); ++c)
        accumulate(kind, gradient.row(c), record, importance.of(block).data() + expert[c] * record);
    });
    ctx.wait();
    for (const int v : views)
      for (auto& parameter : model.parameters(v))
        if (parameter->trainable()) accumulate(kind, parameter->gradient.data(), parameter->size(), importance.of(*parameter).data());
  }
  for (const int v : views) model.parameters(v).zero_gradients(ctx);
  ctx.wait();
  importance.scale(1.0 / static_cast<double>(windows * (kind == ImportanceKind::kFisher ? length : 1)));
  return importance;
}

}  // namespace peer::trainer
