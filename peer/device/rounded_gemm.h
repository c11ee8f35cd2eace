#pragma once

#include "peer/base/element.h"
#include "peer/device/gemm.h"

namespace peer {

// C = op(A) op(B) + beta C as gemm(), with the operands in ctx's precision: fp32 is gemm() itself; bf16 rounds A and B to the nearest bf16
// (ties to even) and sums their exact products in fp32. For the model's linear maps: what picks experts is compared in fp32.
// Uses ctx's scratch slots 6 and 7. Not to be called inside an OpenMP parallel region.
void rounded_gemm(Context& ctx, Matrix<const float> a, Transpose ta, Matrix<const float> b, Transpose tb, float beta, Matrix<float> c);

// The left operand of several rounded_gemm()s, which is rounded once. It lies in ctx's scratch: between the first product and the last
// nothing else may be given to rounded_gemm(), nor may the numbers of `a` change.
class LeftOperand {
 public:
  LeftOperand(Context& ctx, Matrix<const float> a) : ctx_(ctx), a_(a) {}
  // C = op(A) op(B) + beta C
  void multiply(Transpose ta, Matrix<const float> b, Transpose tb, float beta, Matrix<float> c);

 private:
  Matrix<const Bfloat16> rounded();

  Context& ctx_;
  Matrix<const float> a_;
  Matrix<const Bfloat16> rounded_;  // without data before the first product in bf16
};

// Throws DeviceError where `device` has no instructions for products of `precision`.
void check_precision(Device device, Precision precision);

// Gives ctx a precision, and its old one back at the end of the scope. Throws as check_precision does.
class PrecisionScope {
 public:
  PrecisionScope(Context& ctx, Precision precision);
  PrecisionScope(const PrecisionScope&) = delete;
  ~PrecisionScope() { ctx_.set_precision(before_); }

 private:
  Context& ctx_;
  Precision before_;
};

}  // namespace peer
