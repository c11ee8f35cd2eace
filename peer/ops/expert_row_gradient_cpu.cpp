#include "peer/ops/cpu_expert_twins.h"
#include "peer/ops/segment_sum.h"

namespace peer::ops::cpu {

void expert_row_gradient(Context& ctx, const ExpertRowGradient& op) {
  const std::int64_t segments = op.gradient.shape[0];
  // Popular experts have long segments, so threads take what is left in small portions.
#pragma omp parallel for schedule(dynamic, 16) num_threads(ctx.threads())
  for (std::int64_t c = 0; c < segments; ++c) sum_segment(op, op.first + c, op.gradient.row(c));
}

}  // namespace peer::ops::cpu
