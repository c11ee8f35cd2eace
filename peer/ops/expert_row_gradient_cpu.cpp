#include <algorithm>

#include "peer/ops/cpu_expert_twins.h"
#include "peer/ops/row_kernels.h"

namespace peer::ops::cpu {

void expert_row_gradient(Context& ctx, const ExpertRowGradient& op) {
  const std::int64_t segments = op.gradient.shape[0], width = op.x.shape[1], picks = op.dhidden.shape[1];
  const auto token_of = [&](std::int64_t place) { return op.order[place] / picks; };

  // Popular experts have long segments, so threads take what is left in small portions.
#pragma omp parallel for schedule(dynamic, 16) num_threads(ctx.threads())
  for (std::int64_t c = 0; c < segments; ++c) {
    const std::int64_t begin = op.begin[op.first + c], count = op.begin[op.first + c + 1] - begin;
    float* ddown = op.gradient.row(c);
    float* dup = ddown + width;
    if (count == 1) {  // most rows of a large pool
      const std::int32_t slot = op.order[begin];
      set_row(ddown, width, op.x.row(slot / picks), op.dhidden.data[slot]);
      set_row(dup, width, op.dy.row(slot / picks), op.up_weight.data[slot]);
      continue;
    }
    std::fill_n(ddown, 2 * width, 0.0f);
    add_rows(
        ddown, width, count, [&](std::int64_t i) { return op.x.row(token_of(begin + i)); },
        [&](std::int64_t i) { return op.dhidden.data[op.order[begin + i]]; });
    add_rows(
        dup, width, count, [&](std::int64_t i) { return op.dy.row(token_of(begin + i)); },
        [&](std::int64_t i) { return op.up_weight.data[op.order[begin + i]]; });
  }
}

}  // namespace peer::ops::cpu
