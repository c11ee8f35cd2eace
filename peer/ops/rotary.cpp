#include "peer/ops/rotary.h"

#include "peer/base/require.h"
#include "peer/ops/cuda_twins.h"
#include "peer/ops/device_dispatch.h"

namespace peer::ops {

void rotary(Context& ctx, const Rotary& op) {
  require(op.x.shape[3] % 2 == 0, "rotary: the width of a head must be even");
  require(op.first_position >= 0, "rotary: first_position must not be negative");
  require(op.theta > 0, "rotary: theta must be positive");
  dispatch<&CpuTwins::rotary, cuda::rotary>(ctx, "rotary", op);
}

}  // namespace peer::ops
