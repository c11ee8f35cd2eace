#include "peer/ops/sum_of_squares.h"

#include "peer/base/require.h"
#include "peer/ops/cuda_twins.h"
#include "peer/ops/device_dispatch.h"

namespace peer::ops {

void sum_of_squares(Context& ctx, const SumOfSquares& op) {
  require(op.sum.shape[0] == 1, "sum_of_squares: sum must be one number");
  dispatch<&CpuTwins::sum_of_squares, cuda::sum_of_squares>(ctx, "sum_of_squares", op);
}

}  // namespace peer::ops
