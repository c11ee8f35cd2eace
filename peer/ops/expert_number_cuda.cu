#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/kernel_launch.cuh"
#include "peer/ops/shell_number.h"

namespace peer::ops::cuda {

void expert_number(Context& ctx, const ExpertNumber& op) {
  for_each_element(ctx, op.id.size(), [=] __device__(std::int64_t i) { op.id[i] = shell_number(op.row[i], op.column[i]); });
}

}  // namespace peer::ops::cuda
