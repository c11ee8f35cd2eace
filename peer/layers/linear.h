// The three products of a linear map without bias, weight (O, I), in ctx's precision; a frozen weight is rounded once.
#pragma once

#include "peer/device/rounded_gemm.h"
#include "peer/layers/parameter.h"

namespace peer::layers {

// y (N, O) = x (N, I) weight^T + beta y
inline void linear(Context& ctx, const Operand& x, Parameter& weight, float beta, View<float, 2> y) {
  rounded_gemm(ctx, x, Transpose::kNo, weight.operand(ctx), Transpose::kYes, beta, y);
}

// dx (N, I) = dy (N, O) weight + beta dx;   dweight (O, I) += dy^T x when trainable
inline void linear_backward(Context& ctx, const Operand& x, const Operand& dy, Parameter& weight, float beta, View<float, 2> dx) {
  const Operand left = rounded_left(ctx, dy);
  rounded_gemm(ctx, left, Transpose::kNo, weight.operand(ctx), Transpose::kNo, beta, dx);
  if (weight.trainable()) rounded_gemm(ctx, left, Transpose::kYes, x, Transpose::kNo, 1.0f, weight.gradient_matrix());
}

}  // namespace peer::layers
