#include "peer/ops/expert_number.h"

#include "peer/base/require.h"
#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/device_dispatch.h"

namespace peer::ops {

void expert_number(Context& ctx, const ExpertNumber& op) {
  require(op.row.shape == op.id.shape && op.column.shape == op.id.shape, "expert_number: row, column and id must have the same length");
  dispatch<&CpuTwins::expert_number, cuda::expert_number>(ctx, "expert_number", op);
}

}  // namespace peer::ops
