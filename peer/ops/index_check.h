#pragma once

#include <cstdint>

#include "peer/base/require.h"
#include "peer/base/view.h"
#include "peer/device/context.h"

namespace peer::ops {

// Whether every element is in [0, bound). One pass over indices costs a thousandth of the rows they select, and an index out of range
// would read or change memory of somebody else.
template <class Integer, int Rank>
bool all_below(View<const Integer, Rank> indices, std::int64_t bound) {
  const std::int64_t size = indices.size();
  Integer outside = 0;
#pragma omp simd reduction(| : outside)
  for (std::int64_t i = 0; i < size; ++i) outside |= indices.data[i] < 0 || indices.data[i] >= bound;
  return outside == 0;
}

// Throws ContractError(what) unless every index is in [0, bound). Indices on a CUDA device are checked by the kernels that use them:
// reading them back would stop the stream.
template <class Integer, int Rank>
void require_below(const Context& ctx, View<const Integer, Rank> indices, std::int64_t bound, const char* what) {
  require(!ctx.device().is_cpu() || all_below(indices, bound), what);
}

}  // namespace peer::ops
