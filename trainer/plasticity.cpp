#include "trainer/plasticity.h"

#include <algorithm>

namespace peer::trainer {
namespace {

bool is_plastic(const layers::Parameter& parameter, int view, Trains trains) {
  switch (trains) {
    case Trains::kExperts:
      return false;
    case Trains::kAdapters:
      return parameter.name.find(".lora_") != std::string::npos;
    case Trains::kGrown:
      return view > 0 || parameter.group == layers::ParameterGroup::kRouter;
    case Trains::kAll:
    case Trains::kAuto:
      return true;
  }
  return true;
}

}  // namespace

void freeze_statistics(model::Model& model, const std::vector<int>& views) {
  for (const int v : views) model.for_each_block(v, [](layers::PeerBlock& block, int) { block.set_statistics(ops::Statistics::kFrozen); });
}

std::vector<int> make_plastic(model::Model& model, int view, Trains trains) {
  std::vector<int> changed = {view};
  if (trains == Trains::kAll || trains == Trains::kExperts) {
    changed = model.path(view);
    changed.insert(changed.begin(), 0);
  }
  for (int v = 0; v <= model.newest(); ++v) {
    const bool may_change = std::find(changed.begin(), changed.end(), v) != changed.end();
    for (auto& parameter : model.parameters(v)) layers::set_trainable(*parameter, may_change && is_plastic(*parameter, v, trains));
    model.for_each_block(v,
                         [&](layers::PeerBlock& block, int) { block.experts().set_trainable(may_change && trains != Trains::kAdapters); });
    if (!may_change) freeze_statistics(model, {v});  // of a base too that was never trained: it is not stored again
  }
  return changed;
}

void freeze(model::Model& model, const std::vector<int>& views) {
  freeze_statistics(model, views);
  for (const int v : views) model.set_trainable(v, false);
}

void meet_first_batch(Context& ctx, model::Model& model, int view, TrainingStep& step, const streams::Batch& batch) {
  const bool centroids = model.view(view).delta->options.annex_sub_keys == model::SubKeys::kCentroids;
  bool measures = false;
  model.for_each_block(view, [&](layers::PeerBlock& block, int) {
    if (block.statistics() != ops::Statistics::kBatch) return;
    block.set_statistics_momentum(1.0f);
    measures = true;
  });
  if (!measures && !centroids) return;
  const model::Activations& seen = step.forward(batch);
  model.for_each_block(view, [&](layers::PeerBlock& block, int layer) {
    block.set_statistics(ops::Statistics::kFrozen);
    if (centroids) block.centre_sub_keys(ctx, *seen.blocks[static_cast<std::size_t>(layer)].branches.back().peer, model.seed());
  });
}

}  // namespace peer::trainer
