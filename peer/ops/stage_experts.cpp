#include "peer/ops/stage_experts.h"

#include <cstdint>
#include <limits>

#include "peer/base/require.h"
#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/device_dispatch.h"
#include "peer/ops/index_check.h"

namespace peer::ops {

void stage_experts(Context& ctx, const StageExperts& op) {
  require(op.rows.count < std::numeric_limits<std::int32_t>::max(), "stage_experts: there must be fewer than 2^31 experts");
  require(op.place.shape[0] == op.rows.count, "stage_experts: place must be (E)");
  require(op.taken.shape[0] == 1, "stage_experts: taken must be (1)");
  require(op.data.shape[0] == op.expert.shape[0] && op.data.shape[1] == op.rows.parameter_bytes(),
          "stage_experts: data must have a record for each of expert (S)");
  require_below(ctx, op.id, op.rows.count, "stage_experts: every id must be in [0, rows.count)");
  dispatch<&CpuTwins::stage_experts, cuda::stage_experts>(ctx, "stage_experts", op);
}

}  // namespace peer::ops
