// A number beside every number that a stage may change: importances, what pulls a weight back, path integrals.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "peer/model/model.h"
#include "pool/pool.h"

namespace peer::trainer {

class ParameterField {
 public:
  ParameterField() = default;
  // Zero, for the dense tensors (but statistics) and the experts of `views`. `model` outlives it.
  ParameterField(model::Model& model, std::span<const int> views);
  // The same field, holding the weights that `source`, an older copy of `model`, has there.
  static ParameterField weights_of(model::Model& source, model::Model& model, std::span<const int> views);
  // The same field: 1 for every number that `source`, an older copy, has too; 0 for what grids got since.
  static ParameterField known_to(model::Model& source, model::Model& model, std::span<const int> views);

  bool empty() const { return entries_.empty(); }
  std::span<float> of(const layers::Parameter& parameter);  // as its value; empty when the field does not cover it
  std::span<float> of(const layers::PeerBlock& block);      // (E, 2D); the same
  std::span<const float> of(const layers::Parameter& parameter) const { return const_cast<ParameterField*>(this)->of(parameter); }
  std::span<const float> of(const layers::PeerBlock& block) const { return const_cast<ParameterField*>(this)->of(block); }

  // Every number of the field beside the model's own, in runs: dense tensors whole, experts a record [down | up] at a time.
  void for_each(const std::function<void(std::span<float> field, const float* weights)>& visit);
  // Each number becomes f(number, other's number); both fields cover the same tensors.
  void combine(const ParameterField& other, const std::function<float(float, float)>& f);
  double mean() const;
  void scale(double factor);

  // As named tensors of a trunk file, and back. Numbers that a grid got since, experts and sub-keys, stay 0; a tensor that is missing or
  // whose shape is another is a UsageError that names `what`.
  std::vector<pool::TensorView> tensors() const;
  void take(const std::map<std::string, pool::Tensor>& tensors, const std::string& what);

 private:
  struct Entry {
    std::string name;
    std::vector<std::int64_t> shape;
    std::vector<float> values;
    const layers::Parameter* parameter = nullptr;
    const layers::PeerBlock* block = nullptr;
  };
  std::vector<Entry> entries_;
  std::map<const void*, std::size_t> index_;
};

}  // namespace peer::trainer
