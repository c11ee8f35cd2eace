#include "peer/layers/parameter.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "peer/base/require.h"
#include "peer/device/copy.h"
#include "peer/device/rounded_gemm.h"
#include "peer/layers/initialise.h"

namespace peer::layers {
namespace {

std::int64_t product(const std::vector<std::int64_t>& shape, std::size_t from, std::size_t to) {
  return std::accumulate(shape.begin() + from, shape.begin() + to, std::int64_t{1}, std::multiplies<>());
}

}  // namespace

Operand Parameter::operand(Context& ctx) {
  if (ctx.precision() == Precision::kFp32 || trainable()) return matrix();
  if (rounded_.empty() && size() > 0) {
    rounded_ = rounded_copy(ctx, matrix());
    ++copy_changes_;
  }
  return {matrix(), {rounded_.data(), shape[0], size() / shape[0], rounded_.size() / shape[0]}};
}

Parameter& Parameters::add(std::string name, std::vector<std::int64_t> shape, ParameterGroup group, bool decays) {
  require(find(name) == nullptr, "parameters: a name must be unique");
  auto parameter = std::make_unique<Parameter>();
  parameter->write() = Buffer<float>(device_, product(shape, 0, shape.size()));
  parameter->name = std::move(name);
  parameter->shape = std::move(shape);
  parameter->group = group;
  parameter->decays = decays;
  return *list_.emplace_back(std::move(parameter));
}

void Parameters::draw(Parameter& parameter, double deviation, std::uint64_t seed) const {
  if (start_ == Start::kDrawn) initialise_normal(parameter.write().data(), parameter.size(), deviation, seed, parameter.name);
}

Parameter* Parameters::find(std::string_view name) {
  const auto at = std::find_if(list_.begin(), list_.end(), [&](const auto& p) { return p->name == name; });
  return at == list_.end() ? nullptr : at->get();
}

void Parameters::grow(Parameter& parameter, std::vector<std::int64_t> shape) {
  require(shape.size() == parameter.shape.size(), "parameters: growth keeps the rank");
  std::size_t axis = 0;
  while (axis < shape.size() && shape[axis] == parameter.shape[axis]) ++axis;
  if (axis == shape.size()) return;
  require(shape[axis] > parameter.shape[axis], "parameters: growth never shrinks");
  const std::int64_t outer = product(shape, 0, axis), inner = product(shape, axis + 1, shape.size());
  const std::int64_t old_run = parameter.shape[axis] * inner, new_run = shape[axis] * inner;
  Buffer<float> grown(device_, outer * new_run);
  for (std::int64_t i = 0; i < outer; ++i)
    std::memcpy(grown.data() + i * new_run, parameter.value().data() + i * old_run, static_cast<std::size_t>(old_run) * sizeof(float));
  const bool was_trainable = parameter.trainable();
  layers::set_trainable(parameter, false);
  parameter.write() = std::move(grown);
  parameter.shape = std::move(shape);
  layers::set_trainable(parameter, was_trainable);
}

void Parameters::set_trainable(bool trainable) {
  for (auto& parameter : list_) layers::set_trainable(*parameter, trainable);
}

void Parameters::zero_gradients(Context& ctx) {
  for (auto& parameter : list_)
    if (parameter->trainable()) queue_zero(ctx, parameter->gradient_vector());
}

std::int64_t Parameters::count() const {
  return std::accumulate(list_.begin(), list_.end(), std::int64_t{0}, [](std::int64_t sum, const auto& p) { return sum + p->size(); });
}

void set_trainable(Parameter& parameter, bool trainable) {
  if (parameter.group == ParameterGroup::kStatistics || trainable == parameter.trainable()) return;
  parameter.drop_copy();  // an optimizer may now write at any time
  const std::int64_t size = trainable ? parameter.size() : 0;
  const Device device = parameter.value().device();
  parameter.gradient = Buffer<float>(device, size);
  parameter.m = Buffer<float>(device, size);
  parameter.v = Buffer<float>(device, size);
}

}  // namespace peer::layers
