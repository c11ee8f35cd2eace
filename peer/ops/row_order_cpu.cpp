#include "peer/ops/cpu_expert_twins.h"
#include "peer/ops/slot_order.h"

namespace peer::ops::cpu {

std::int64_t row_order(Context& ctx, const RowOrder& op) {
  const std::int64_t slots = op.id.size();
  const KeyedSlot* sorted = sort_slots(ctx, 0, slots, op.expert_count, [&](std::int64_t s) { return op.id.data[s]; });

#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t i = 0; i < slots; ++i) op.order[i] = slot_of(sorted[i]);

  const std::int64_t experts = for_each_run(sorted, slots, [&](std::int64_t u, std::int64_t i) {
    op.expert[u] = key_of(sorted[i]);
    op.begin[u] = static_cast<std::int32_t>(i);
  });
  op.begin[experts] = static_cast<std::int32_t>(slots);
  return experts;
}

}  // namespace peer::ops::cpu
