#include "trainer/strategies/teacher.h"

#include "peer/base/require.h"
#include "peer/ops/axpby.h"
#include "peer/ops/distillation.h"

namespace peer::trainer {

Teacher::Teacher(model::Model& model, std::span<const int> views, std::int64_t batch, double weight, double temperature)
    : model_(model),
      weight_(weight),
      temperature_(temperature),
      tokens_(batch * model.options().context),
      divergence_(model.device(), tokens_) {
  const auto count = static_cast<std::int64_t>(views.size());
  require(count > 0 && count <= batch, "teacher: every view must have a row of the batch");
  for (std::int64_t i = 0; i < count; ++i)
    saved_.emplace_back(model, views[static_cast<std::size_t>(i)], (i + 1) * batch / count - i * batch / count, model.options().context,
                        false);
}

double Teacher::compare(Context& ctx, View<const std::int32_t, 1> token, View<const std::int32_t, 1> target, View<const float, 2> student) {
  std::int64_t first = 0;
  for (model::Activations& saved : saved_) {
    model_.forward(ctx, {token.data + first, saved.tokens}, saved, false);
    ops::distillation(ctx, {.student = {student.row(first), saved.tokens, student.shape[1]},
                            .teacher = saved.logits_view(),
                            .target = {target.data + first, saved.tokens},
                            .temperature = static_cast<float>(temperature_),
                            .scale = static_cast<float>(weight_ / static_cast<double>(tokens_)),
                            .divergence = {divergence_.data() + first, saved.tokens}});
    first += saved.tokens;
  }
  ctx.wait();
  double nats = 0;
  for (std::int64_t n = 0; n < tokens_; ++n) nats += divergence_[n];
  return nats / static_cast<double>(tokens_);
}

void Teacher::add_gradient(Context& ctx, View<float, 2> dlogits) {
  float* to = dlogits.data;
  for (const model::Activations& saved : saved_) {
    const std::int64_t count = saved.logits.size();
    ops::axpby(ctx, {.a = 1, .x = saved.logits.view(count), .b = 1, .y = {to, count}});
    to += count;
  }
}

}  // namespace peer::trainer
