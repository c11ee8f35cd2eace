#include "trainer/strategies/parameter_field.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/base/require.h"

namespace peer::trainer {
namespace {

std::int64_t product(const std::vector<std::int64_t>& shape, std::size_t from, std::size_t to) {
  return std::accumulate(shape.begin() + static_cast<std::ptrdiff_t>(from), shape.begin() + static_cast<std::ptrdiff_t>(to),
                         std::int64_t{1}, std::multiplies<>());
}

// Whether `shape` is `old`, or longer along `axis` alone.
bool grew_along(std::size_t axis, const std::vector<std::int64_t>& old, const std::vector<std::int64_t>& shape) {
  if (old.size() != shape.size()) return false;
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (i == axis ? old[i] > shape[i] : old[i] != shape[i]) return false;
  return true;
}

}  // namespace

ParameterField::ParameterField(model::Model& model, std::span<const int> views) {
  const auto add = [this](const void* key, Entry entry) {
    entry.values.assign(static_cast<std::size_t>(product(entry.shape, 0, entry.shape.size())), 0.0f);
    index_[key] = entries_.size();
    entries_.push_back(std::move(entry));
  };
  for (const int view : views) {
    for (const auto& parameter : model.parameters(view)) {
      if (parameter->group == layers::ParameterGroup::kStatistics) continue;
      add(parameter.get(), {model.view(view).name + ":" + parameter->name, parameter->shape, {}, parameter.get(), nullptr});
    }
    model.for_each_block(view, [&](layers::PeerBlock& block, int) {
      const std::int64_t width = block.experts().width();
      add(&block, {fmt::format("block {}", block.id().value), {block.experts().count(), 2 * width}, {}, nullptr, &block});
    });
  }
}

ParameterField ParameterField::weights_of(model::Model& source, model::Model& model, std::span<const int> views) {
  ParameterField weights(model, views), there(source, views);
  there.for_each([](std::span<float> field, const float* values) { std::copy_n(values, field.size(), field.data()); });
  require(weights.entries_.size() == there.entries_.size(), "parameter field: both copies must have the same tensors");
  for (std::size_t i = 0; i < weights.entries_.size(); ++i) {
    require(weights.entries_[i].shape == there.entries_[i].shape, "parameter field: both copies must have the same shapes");
    weights.entries_[i].values = std::move(there.entries_[i].values);
  }
  return weights;
}

ParameterField ParameterField::known_to(model::Model& source, model::Model& model, std::span<const int> views) {
  ParameterField known(model, views), there(source, views);
  std::map<std::string, pool::Tensor> ones;
  for (const Entry& entry : there.entries_) ones[entry.name] = {entry.shape, std::vector<float>(entry.values.size(), 1.0f)};
  known.take(ones, "numbers of before");
  return known;
}

std::span<float> ParameterField::of(const layers::Parameter& parameter) {
  const auto at = index_.find(&parameter);
  return at == index_.end() ? std::span<float>() : std::span<float>(entries_[at->second].values);
}

std::span<float> ParameterField::of(const layers::PeerBlock& block) {
  const auto at = index_.find(&block);
  return at == index_.end() ? std::span<float>() : std::span<float>(entries_[at->second].values);
}

void ParameterField::for_each(const std::function<void(std::span<float>, const float*)>& visit) {
  for (Entry& entry : entries_) {
    if (entry.parameter != nullptr) {
      visit(entry.values, entry.parameter->value().data());
      continue;
    }
    const auto record = static_cast<std::size_t>(entry.shape[1]);
    std::vector<float> row(record);
    for (std::int64_t e = 0; e < entry.shape[0]; ++e) {
      entry.block->experts().read_parameters(e, row.data());
      visit({entry.values.data() + static_cast<std::size_t>(e) * record, record}, row.data());
    }
  }
}

void ParameterField::combine(const ParameterField& other, const std::function<float(float, float)>& f) {
  require(entries_.size() == other.entries_.size(), "parameter field: both must cover the same tensors");
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    std::vector<float>& values = entries_[i].values;
    require(values.size() == other.entries_[i].values.size(), "parameter field: both must cover the same shapes");
    std::transform(values.begin(), values.end(), other.entries_[i].values.begin(), values.begin(), f);
  }
}

double ParameterField::mean() const {
  double sum = 0;
  std::size_t count = 0;
  for (const Entry& entry : entries_) {
    sum = std::accumulate(entry.values.begin(), entry.values.end(), sum);
    count += entry.values.size();
  }
  return count > 0 ? sum / static_cast<double>(count) : 0;
}

void ParameterField::scale(double factor) {
  for (Entry& entry : entries_)
    for (float& value : entry.values) value = static_cast<float>(value * factor);
}

std::vector<pool::TensorView> ParameterField::tensors() const {
  std::vector<pool::TensorView> tensors;
  for (const Entry& entry : entries_) tensors.push_back({entry.name, entry.shape, entry.values.data()});
  return tensors;
}

void ParameterField::take(const std::map<std::string, pool::Tensor>& tensors, const std::string& what) {
  for (Entry& entry : entries_) {
    const auto at = tensors.find(entry.name);
    const std::size_t axis = entry.block != nullptr ? 0 : 1;  // experts are appended; a set's sub-keys too
    const bool grid = entry.block != nullptr || entry.name.find(".sub_keys.") != std::string::npos;
    if (at == tensors.end() || !(grid ? grew_along(axis, at->second.shape, entry.shape) : at->second.shape == entry.shape))
      throw UsageError(
          fmt::format("{} do not fit '{}': the model has grown since they were measured; --penalty-weight 0 measures "
                      "them anew and pulls at nothing",
                      what, entry.name));
    const std::vector<std::int64_t>& old = at->second.shape;
    const std::int64_t runs = product(old, 0, axis), old_run = product(old, axis, old.size()),
                       run = product(entry.shape, axis, entry.shape.size());
    for (std::int64_t r = 0; r < runs; ++r) std::copy_n(at->second.values.data() + r * old_run, old_run, entry.values.data() + r * run);
  }
}

}  // namespace peer::trainer
