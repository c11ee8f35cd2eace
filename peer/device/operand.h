// What linear maps multiply, and where ops write it. A product in bf16 rounds its operands; an op that writes one can round it at once,
// which saves a pass over it for each product and half of its bytes.
#pragma once

#include "peer/base/element.h"
#include "peer/base/require.h"
#include "peer/device/gemm.h"
#include "peer/device/work.h"

namespace peer {

// A matrix in fp32, the same rounded to the nearest bf16, or both. A product in fp32 needs the first; one in bf16 takes the second, and
// rounds the first where there is no second.
struct Operand {
  Matrix<const float> exact;       // without data: only the rounded numbers are there
  Matrix<const Bfloat16> rounded;  // without data: not rounded yet

  Operand(Matrix<const float> x) : exact(x) {}                   // NOLINT: numbers in fp32 are an operand
  Operand(Matrix<float> x) : exact(x) {}                         // NOLINT
  Operand(View<const float, 2> x) : exact(x) {}                  // NOLINT
  Operand(View<float, 2> x) : exact(View<const float, 2>(x)) {}  // NOLINT
  explicit Operand(View<const Bfloat16, 2> r) : rounded(r) {}
  Operand(Matrix<const float> x, Matrix<const Bfloat16> r) : exact(x), rounded(r) {}

  std::int64_t rows() const { return extent().rows; }
  Extent extent() const { return exact.data != nullptr ? Extent(exact) : Extent(rounded); }
  // Rows [first, first + count).
  Operand slice(std::int64_t first, std::int64_t count) const {
    const auto part = [&](auto x) {
      if (x.data != nullptr) x.data += first * x.stride, x.rows = count;
      return x;
    };
    return {part(exact), part(rounded)};
  }
  // Of an operand that something else than a product reads as well: all of it, in fp32.
  View<const float, 2> numbers() const {
    require(exact.data != nullptr && exact.stride == exact.columns, "operand: its numbers must be there in fp32, side by side");
    return {exact.data, exact.rows, exact.columns};
  }
};

// Where an op writes numbers (N, D) that products multiply: in fp32, rounded, or both. What is empty is not written.
struct OperandTarget {
  View<float, 2> exact;
  View<Bfloat16, 2> rounded;

  OperandTarget() = default;
  OperandTarget(View<float, 2> x) : exact(x) {}  // NOLINT: numbers in fp32 are a target
  OperandTarget(View<float, 2> x, View<Bfloat16, 2> r) : exact(x), rounded(r) {}

  // Whether there is something to write, and all of it has this shape.
  bool has_shape(const std::array<std::int64_t, 2>& shape) const {
    return (!exact.empty() || !rounded.empty()) && (exact.empty() || exact.shape == shape) && (rounded.empty() || rounded.shape == shape);
  }
  // Element i of all, on whichever device they lie.
  constexpr void set(std::int64_t i, float value) const {
    if (!exact.empty()) exact[i] = value;
    if (!rounded.empty()) rounded[i].bits = bfloat16_of(value);
  }
};
inline double target_bytes(const OperandTarget& x) { return view_bytes(x.exact, x.rounded); }

}  // namespace peer
