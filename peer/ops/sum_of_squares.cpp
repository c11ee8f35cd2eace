#include "peer/ops/sum_of_squares.h"

#include "peer/base/require.h"
#include "peer/ops/cuda_twins.h"
#include "peer/ops/device_dispatch.h"

namespace peer::ops {

double sum_of_squares(Context& ctx, const SumOfSquares& op) {
  return dispatch<&CpuTwins::sum_of_squares, cuda::sum_of_squares>(ctx, "sum_of_squares", op);
}

}  // namespace peer::ops
