#include "peer/ops/axpby.h"

#include "peer/base/require.h"
#include "peer/ops/cuda_twins.h"
#include "peer/ops/device_dispatch.h"

namespace peer::ops {

void axpby(Context& ctx, const Axpby& op) {
  require(op.x.shape == op.y.shape, "axpby: x and y must have the same length");
  dispatch<&CpuTwins::axpby, cuda::axpby>(ctx, "axpby", op);
}

}  // namespace peer::ops
