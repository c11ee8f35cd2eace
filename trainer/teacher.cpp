#include "trainer/teacher.h"

#include "peer/ops/distillation.h"

namespace peer::trainer {

Teacher::Teacher(model::Model& model, int view, std::int64_t batch, double weight, double temperature)
    : model_(model),
      weight_(weight),
      temperature_(temperature),
      saved_(model, view, batch, model.options().context, false),
      divergence_(saved_.tokens) {}

double Teacher::compare(Context& ctx, View<const std::int32_t, 1> token, View<const std::int32_t, 1> target, View<const float, 2> student) {
  model_.forward(ctx, token, saved_, false);
  ops::distillation(ctx, {.student = student,
                          .teacher = saved_.logits_view(),
                          .target = target,
                          .temperature = static_cast<float>(temperature_),
                          .scale = static_cast<float>(weight_ / static_cast<double>(saved_.tokens)),
                          .divergence = divergence_.view(saved_.tokens)});
  double nats = 0;
  for (std::int64_t n = 0; n < saved_.tokens; ++n) nats += divergence_[n];
  return nats / static_cast<double>(saved_.tokens);
}

void Teacher::add_gradient(Context& ctx, View<float, 2> dlogits) {
  const std::int64_t count = saved_.logits.size();
  const float* gradient = saved_.logits.data();
#pragma omp parallel for simd schedule(static) num_threads(ctx.threads())
  for (std::int64_t i = 0; i < count; ++i) dlogits.data[i] += gradient[i];
}

}  // namespace peer::trainer
