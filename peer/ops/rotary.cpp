#include "peer/ops/rotary.h"

#include "peer/base/require.h"
#include "peer/ops/cuda_twins.h"
#include "peer/ops/device_dispatch.h"

namespace peer::ops {

void rotary(Context& ctx, const Rotary& op) {
  require(op.x.shape[3] % 2 == 0, "rotary: the width of a head must be even");
  require(op.first_position >= 0, "rotary: first_position must not be negative");
  require(op.theta > 0, "rotary: theta must be positive");
  const RotaryScaling& s = op.scaling;
  require(s.factor > 0 && s.original_context >= 0, "rotary: the scaling's factor must be positive and its context not negative");
  require(s.original_context == 0 || (s.low_frequency > 0 && s.high_frequency > s.low_frequency),
          "rotary: the scaling's low frequency must be positive and below its high one");
  dispatch<&CpuTwins::rotary, cuda::rotary>(ctx, "rotary", op);
}

}  // namespace peer::ops
