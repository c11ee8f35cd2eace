#include "trainer/strategies/regulariser.h"

#include <vector>

namespace peer::trainer {
namespace {

void pull_back(float weight, const float* importance, const float* pull, const float* value, std::int64_t count, float* gradient) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) gradient[i] += weight * (importance[i] * value[i] - pull[i]);
}

}  // namespace

Regulariser::Regulariser(double weight, ParameterField importance, ParameterField pull)
    : weight_(static_cast<float>(weight)), importance_(std::move(importance)), pull_(std::move(pull)) {}

void Regulariser::add_to(layers::Parameter& parameter) const {
  const std::span<const float> importance = importance_.of(parameter);
  if (importance.empty()) return;
  pull_back(weight_, importance.data(), pull_.of(parameter).data(), parameter.value().data(), parameter.size(), parameter.gradient.data());
}

void Regulariser::add_to(const layers::PeerBlock& block, View<const std::int64_t, 1> expert, View<float, 2> gradient) const {
  const std::span<const float> importance = importance_.of(block), pull = pull_.of(block);
  if (importance.empty()) return;
  const std::int64_t record = gradient.shape[1];
  std::vector<float> value(static_cast<std::size_t>(record));
  for (std::int64_t c = 0; c < expert.shape[0]; ++c) {
    const std::int64_t at = expert[c] * record;
    block.experts().read_parameters(expert[c], value.data());
    pull_back(weight_, importance.data() + at, pull.data() + at, value.data(), record, gradient.row(c));
  }
}

}  // namespace peer::trainer
