#pragma once

#include "peer/base/element.h"
#include "peer/device/gemm.h"

namespace peer {

// C = op(A) op(B) + beta C of bf16 operands on a CUDA device, summed in fp32; shapes as in gemm().
void bf16_gemm(Context& ctx, Matrix<const Bfloat16> a, Transpose ta, Matrix<const Bfloat16> b, Transpose tb, float beta, Matrix<float> c);

}  // namespace peer
