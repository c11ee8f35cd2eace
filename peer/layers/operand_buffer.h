#pragma once

#include <cstdint>

#include "peer/device/buffer.h"
#include "peer/device/context.h"
#include "peer/device/operand.h"

namespace peer::layers {

// Activations (N, D), or their gradients, that one op writes and linear maps read: in a step of fp32 in fp32, in one of bf16 rounded alone.
// Memory is taken when it is first asked for, so that a step which repeats allocates nothing.
class OperandBuffer {
 public:
  OperandBuffer() = default;
  OperandBuffer(Device device, std::int64_t rows, std::int64_t columns) : device_(device), rows_(rows), columns_(columns) {}

  std::int64_t size() const { return rows_ * columns_; }
  Device device() const { return device_; }

  // For an op to write in ctx's precision; also in fp32 where something else than a product reads it.
  OperandTarget target(const Context& ctx, bool read_in_fp32 = false) {
    rounds_ = ctx.precision() == Precision::kBf16, exact_too_ = !rounds_ || read_in_fp32;
    return {exact_too_ ? room(exact_) : View<float, 2>(), rounds_ ? room(rounded_) : View<Bfloat16, 2>()};
  }
  // For a product to write, which is always fp32.
  View<float, 2> numbers() { return room(exact_); }
  // What the last target() was filled with.
  Operand operand() {
    return {exact_too_ ? Matrix<const float>(room(exact_)) : Matrix<const float>(),
            rounds_ ? Matrix<const Bfloat16>(room(rounded_)) : Matrix<const Bfloat16>()};
  }

 private:
  template <class T>
  View<T, 2> room(Buffer<T>& buffer) {
    if (buffer.empty()) buffer = Buffer<T>(device_, rows_ * columns_);
    return buffer.view(rows_, columns_);
  }

  Device device_;
  std::int64_t rows_ = 0, columns_ = 0;
  bool exact_too_ = true, rounds_ = false;
  Buffer<float> exact_;
  Buffer<Bfloat16> rounded_;
};

}  // namespace peer::layers
