#include "peer/ops/cpu_expert_twins.h"
#include "peer/ops/record_update.h"

namespace peer::ops::cpu {
namespace {

template <class Number>
void update(Context& ctx, const AdamwRows& op) {
  const std::int64_t rows = op.expert.shape[0];
  const std::uint64_t key = op.rule.rounding_key();
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t c = 0; c < rows; ++c) {
    const ExpertPage& page = op.rows.page_of(op.expert[c]);
    if (!page.trainable) continue;
    const Number* next = op.rows.parameters<Number>(op.expert[c + 1 < rows ? c + 1 : c]);
    update_record(op.rule, op.gradient.row(c), 2 * op.rows.width, RowRounding(key, op.expert[c]), op.rows.parameters<Number>(op.expert[c]),
                  next);
    mark_dirty(page);
  }
}

}  // namespace

void adamw_rows(Context& ctx, const AdamwRows& op) {
  with_number_of(op.rows, [&](auto number) { update<decltype(number)>(ctx, op); });
}

}  // namespace peer::ops::cpu
