#include "trainer/strategies/weight_average.h"

#include <vector>

namespace peer::trainer {

void blend(model::Model& model, std::span<const int> views, const ParameterField& other, double share) {
  const auto keep = static_cast<float>(share);
  const auto mix = [keep](const float* old, std::int64_t count, float* now) {
    for (std::int64_t i = 0; i < count; ++i) now[i] = keep * old[i] + (1 - keep) * now[i];
  };
  for (const int v : views) {
    for (auto& parameter : model.parameters(v))
      if (parameter->trainable()) mix(other.of(*parameter).data(), parameter->size(), parameter->write().data());
    model.for_each_block(v, [&](layers::PeerBlock& block, int) {
      layers::ExpertTable& experts = block.experts();
      const std::int64_t record = 2 * experts.width();
      std::vector<float> now(static_cast<std::size_t>(record));
      for (std::int64_t e = 0; e < experts.count(); ++e) {
        if (!experts.dirty(e / experts.rows_per_page())) continue;  // nothing moved, and what is clean is not written
        experts.read_parameters(e, now.data());
        mix(other.of(block).data() + e * record, record, now.data());
        experts.write_parameters(e, now.data());
      }
    });
  }
}

WeightAverage::WeightAverage(model::Model& model, std::span<const int> views, double decay)
    : average_(ParameterField::weights_of(model, model, views)), decay_(decay) {}

void WeightAverage::take_step() {
  const auto step = static_cast<float>(1 - decay_);
  average_.for_each([step](std::span<float> average, const float* weights) {
    for (std::size_t i = 0; i < average.size(); ++i) average[i] += step * (weights[i] - average[i]);
  });
}

}  // namespace peer::trainer
