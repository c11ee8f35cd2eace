#include "trainer/plasticity.h"

#include <algorithm>

namespace peer::trainer {
namespace {

bool is_trainable(model::Model& model, int view) {
  for (const auto& parameter : model.parameters(view))
    if (parameter->trainable()) return true;
  return false;
}

}  // namespace

std::vector<int> make_plastic(model::Model& model, int view, bool in_place) {
  std::vector<int> changed = {view};
  if (in_place) {
    changed = model.path(view);
    changed.insert(changed.begin(), 0);
  }
  for (int v = 0; v <= model.newest(); ++v) {
    const bool wanted = std::find(changed.begin(), changed.end(), v) != changed.end();
    if (is_trainable(model, v) != wanted) model.set_trainable(v, wanted);
  }
  return changed;
}

void freeze_statistics(model::Model& model, const std::vector<int>& views) {
  for (const int v : views) model.for_each_block(v, [](layers::PeerBlock& block, int) { block.set_statistics(ops::Statistics::kFrozen); });
}

void freeze(model::Model& model, const std::vector<int>& views) {
  freeze_statistics(model, views);
  for (const int v : views) model.set_trainable(v, false);
}

void measure_new_statistics(model::Model& model, int view, bool in_place, TrainingStep& step, const streams::Batch& batch) {
  if (in_place) return;
  bool any = false;
  model.for_each_block(view, [&](layers::PeerBlock& block, int) {
    if (block.statistics() != ops::Statistics::kBatch) return;
    block.set_statistics_momentum(1.0f);
    any = true;
  });
  if (!any) return;
  step.measure_statistics(batch);
  model.for_each_block(view, [](layers::PeerBlock& block, int) { block.set_statistics(ops::Statistics::kFrozen); });
}

std::int64_t experts_in(model::Model& model, int view) {
  std::int64_t experts = 0;
  model.for_each_block(view, [&](layers::PeerBlock& block, int) { experts += block.experts().count(); });
  return experts;
}

std::int64_t parameters_in(model::Model& model, int view) {
  return model.parameters(view).count() + experts_in(model, view) * 2 * model.options().width;
}

}  // namespace peer::trainer
