#pragma once

#include "peer/device/operand.h"

namespace peer {

// C = op(A) op(B) + beta C as gemm(), with the operands in ctx's precision: fp32 is gemm() itself; bf16 rounds what of A and B is not
// rounded yet to the nearest bf16 (ties to even) and sums their exact products in fp32. For the model's linear maps: what picks experts is
// compared in fp32. Uses ctx's scratch slots 6 and 7. Not to be called inside an OpenMP parallel region.
// ContractError for a product in fp32 of an operand that is rounded only.
void rounded_gemm(Context& ctx, const Operand& a, Transpose ta, const Operand& b, Transpose tb, float beta, Matrix<float> c);

// The left operand of several rounded_gemm()s, which is rounded once: in ctx's scratch, where it stays until the next product whose left
// operand is not rounded. In fp32 `a` itself.
Operand rounded_left(Context& ctx, const Operand& a);

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
