#pragma once

#include "peer/device/buffer.h"
#include "peer/device/operand.h"

namespace peer {

// C = op(A) op(B) + beta C as gemm(), with the operands in ctx's precision: fp32 is gemm() itself; bf16 rounds what of A and B is not
// rounded yet to the nearest bf16 (ties to even) and sums their exact products in fp32. For the model's linear maps: what picks experts is
// compared in fp32. A CPU that does not multiply bf16 multiplies the rounded numbers in fp32. Uses ctx's scratch slots 4 to 7. Not to be
// called inside an OpenMP parallel region. ContractError for a product in fp32 of an operand that is rounded only.
void rounded_gemm(Context& ctx, const Operand& a, Transpose ta, const Operand& b, Transpose tb, float beta, Matrix<float> c);

// The left operand of several rounded_gemm()s, which is rounded once: in ctx's scratch, where it stays until the next product whose left
// operand is not rounded. In fp32 `a` itself.
Operand rounded_left(Context& ctx, const Operand& a);

// Of a matrix that is multiplied again and again: its rows rounded, each size / rows numbers after the one before. It is there when this
// returns, for any context.
Buffer<Bfloat16> rounded_copy(Context& ctx, Matrix<const float> x);

// Throws DeviceError where products of `precision` are no faster than those in fp32, since `device` has no instructions for them. For work
// on many tokens at a time; one at a time is bound by reading weights, of which bf16 is half on every CPU.
void check_precision(Device device, Precision precision);

// Gives ctx a precision, and its old one back at the end of the scope.
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
