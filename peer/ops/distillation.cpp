#include "peer/ops/distillation.h"

#include "peer/base/require.h"
#include "peer/ops/cuda_twins.h"
#include "peer/ops/device_dispatch.h"

namespace peer::ops {

void distillation(Context& ctx, const Distillation& op) {
  require(op.teacher.shape == op.student.shape, "distillation: teacher and student must have the same shape");
  require(op.target.shape[0] == op.student.shape[0], "distillation: target must have one element a row of logits");
  require(op.divergence.shape[0] == op.student.shape[0], "distillation: divergence must have one element a row of logits");
  require(op.temperature > 0, "distillation: the temperature must be positive");
  dispatch<&CpuTwins::distillation, cuda::distillation>(ctx, "distillation", op);
}

}  // namespace peer::ops
