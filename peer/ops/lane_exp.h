#pragma once

#include <cstdint>

#include "peer/ops/vector_bytes.h"

namespace peer::ops {
inline namespace PEER_VECTORS {

// 2^x in every lane, x < 128, to a relative error below 3e-7 (a minimax polynomial of degree 5). 0 below -126, where the result would be
// subnormal, and for -infinity; NaN stays NaN, if its lowest nine bits are zero, as those that arithmetic makes are.
inline VectorLanes exp2_lanes(VectorLanes x) {
  using Bits __attribute__((vector_size(kVectorBytes))) = std::uint32_t;
  // x = n + f, |f| <= 1/2. Adding 1.5 * 2^23 rounds to an integer and leaves it in the lowest bits of the sum.
  constexpr float kRound = 12582912.0f;
  const VectorLanes shifted = x + kRound, f = x - (shifted - kRound);
  VectorLanes p = f * 1.327647245e-3f + 9.675540961e-3f;
  p = p * f + 5.550713092e-2f;
  p = p * f + 2.402212024e-1f;
  p = p * f + 6.931469440e-1f;
  p = p * f + 1.0f;
  // 2^x = 2^n p: n goes into the exponent field.
  return x < -126.0f ? VectorLanes{} : (VectorLanes)((Bits)p + ((Bits)shifted << 23));
}

}  // namespace PEER_VECTORS
}  // namespace peer::ops
