#include "trainer/strategies/path_integral.h"

#include <algorithm>

namespace peer::trainer {
namespace {

void add_work(const float* gradient, const float* before, const float* after, std::int64_t count, float* work) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) work[i] -= gradient[i] * (after[i] - before[i]);
}

}  // namespace

PathIntegral::PathIntegral(model::Model& model, std::span<const int> views)
    : work_(model, views), gradient_(model, views), weight_(model, views) {}

void PathIntegral::before(const layers::Parameter& parameter) {
  std::copy_n(parameter.gradient.data(), parameter.size(), gradient_.of(parameter).data());
  std::copy_n(parameter.value().data(), parameter.size(), weight_.of(parameter).data());
}

void PathIntegral::after(const layers::Parameter& parameter) {
  add_work(gradient_.of(parameter).data(), weight_.of(parameter).data(), parameter.value().data(), parameter.size(),
           work_.of(parameter).data());
}

void PathIntegral::before(const layers::PeerBlock& block, View<const std::int64_t, 1> expert, View<const float, 2> gradient) {
  const std::int64_t record = gradient.shape[1];
  row_gradient_.assign(gradient.data, gradient.data + gradient.shape[0] * record);
  row_weight_.resize(row_gradient_.size());
  for (std::int64_t c = 0; c < expert.shape[0]; ++c) block.experts().read_parameters(expert[c], row_weight_.data() + c * record);
}

void PathIntegral::after(const layers::PeerBlock& block, View<const std::int64_t, 1> expert) {
  const std::int64_t record = 2 * block.experts().width();
  std::vector<float> after(static_cast<std::size_t>(record));
  for (std::int64_t c = 0; c < expert.shape[0]; ++c) {
    block.experts().read_parameters(expert[c], after.data());
    add_work(row_gradient_.data() + c * record, row_weight_.data() + c * record, after.data(), record,
             work_.of(block).data() + expert[c] * record);
  }
}

ParameterField PathIntegral::importance(const ParameterField& start) const {
  ParameterField importance = work_, moved = start;
  moved.for_each([](std::span<float> field, const float* weights) {
    for (std::size_t i = 0; i < field.size(); ++i) field[i] = weights[i] - field[i];
  });
  importance.combine(moved, [](float work, float move) {
    return static_cast<float>(std::max(0.0, static_cast<double>(work)) / (static_cast<double>(move) * move + kDamping));
  });
  return importance;
}

}  // namespace peer::trainer
