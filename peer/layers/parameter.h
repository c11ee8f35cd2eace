#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "peer/device/buffer.h"
#include "peer/device/operand.h"

namespace peer::layers {

// Which learning rate a dense tensor takes. kStatistics is stored and read but has no gradient (running means of a batch norm).
enum class ParameterGroup { kTrunk, kDelta, kRouter, kStatistics };

// A named dense tensor. Gradient and moments exist only while it is trainable, a rounded copy only while it is not.
class Parameter {
 public:
  std::string name;  // as in a Hugging Face Llama checkpoint where there is such a tensor
  std::vector<std::int64_t> shape;
  ParameterGroup group = ParameterGroup::kTrunk;
  std::int64_t lazy_row = 0;  // of the optimizer, as in ops/adamw.h
  bool decays = false;        // weight decay: matrices of the trunk, never norms, embeddings, deltas or sub-keys
  Buffer<float> gradient, m, v;

  const Buffer<float>& value() const { return value_; }
  // The one way to change the numbers: a copy of them ends here, so that none is ever older than they are. What is returned is used at
  // once: while the tensor is frozen, a product makes the next copy.
  Buffer<float>& write() {
    drop_copy();
    return value_;
  }

  std::int64_t size() const { return value_.size(); }
  bool trainable() const { return !gradient.empty(); }
  View<const float, 2> matrix() const { return {value_.data(), shape[0], size() / shape[0]}; }
  View<const float, 1> vector() const { return {value_.data(), size()}; }
  View<float, 2> gradient_matrix() { return {gradient.data(), shape[0], size() / shape[0]}; }  // empty when frozen
  View<float, 1> gradient_vector() { return {gradient.data(), size()}; }                       // empty when frozen

  // The matrix as products in ctx's precision take it: of a frozen one in bf16 with a copy, half as large, that the first of them makes.
  // For one thread at a time.
  Operand operand(Context& ctx);
  // How often such a copy was made or dropped. While it stays the same, so does what operand() refers to.
  std::int64_t copy_changes() const { return copy_changes_; }
  std::int64_t copy_bytes() const { return rounded_.bytes(); }

 private:
  friend void set_trainable(Parameter& parameter, bool trainable);
  void drop_copy() {
    if (rounded_.empty()) return;
    rounded_ = {};
    ++copy_changes_;
  }

  Buffer<float> value_;
  Buffer<Bfloat16> rounded_;
  std::int64_t copy_changes_ = 0;
};

// How a model's tensors start: drawn from its seed, or zero because a reader replaces every one, for which drawing would be in vain.
enum class Start { kDrawn, kZero };

// Owns the tensors of one trunk (the base, or one view's deltas). Order of adding is file order; addresses are stable.
class Parameters {
 public:
  explicit Parameters(Device device = {}, Start start = Start::kDrawn) : device_(device), start_(start) {}
  Device device() const { return device_; }  // where the tensors lie
  Parameter& add(std::string name, std::vector<std::int64_t> shape, ParameterGroup group, bool decays = false);
  // Fills with N(0, deviation^2), by seed and name (layers/initialise.h). Start::kZero: nothing.
  void draw(Parameter& parameter, double deviation, std::uint64_t seed) const;
  Parameter* find(std::string_view name);
  // Makes room for `shape`, whose first difference from the old shape is in one dimension that grows: old values keep their places,
  // new ones are 0. Moments start again.
  void grow(Parameter& parameter, std::vector<std::int64_t> shape);
  // Allocates (or releases) gradients and moments; kStatistics never gets any.
  void set_trainable(bool trainable);
  void zero_gradients(Context& ctx);

  std::int64_t count() const;  // numbers in all tensors
  auto begin() { return list_.begin(); }
  auto end() { return list_.end(); }
  auto begin() const { return list_.begin(); }
  auto end() const { return list_.end(); }

 private:
  Device device_;
  Start start_;
  std::vector<std::unique_ptr<Parameter>> list_;
};

void set_trainable(Parameter& parameter, bool trainable);

}  // namespace peer::layers
