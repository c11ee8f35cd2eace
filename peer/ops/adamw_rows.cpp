#include "peer/ops/adamw_rows.h"

#include "peer/base/require.h"
#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/device_dispatch.h"
#include "peer/ops/index_check.h"

namespace peer::ops {

void require_room_for_state(const ExpertRows& rows) {
  for (std::int64_t p = 0; p << rows.page_shift < rows.count; ++p) {
    const ExpertPage& page = rows.pages[p];
    require(!page.trainable || (page.dirty != nullptr && page.stride >= trainable_record_bytes(rows.width, rows.element)),
            "expert rows: a trainable page must have a dirty flag and room for the optimizer's state");
  }
}

void adamw_rows(Context& ctx, const AdamwRows& op) {
  require(op.gradient.shape[0] == op.expert.shape[0], "adamw_rows: gradient must have a row for each expert");
  require(op.gradient.shape[1] == 2 * op.rows.width, "adamw_rows: gradient must be (C, 2D)");
  require_below(ctx, op.expert, op.rows.count, "adamw_rows: every expert must be in [0, rows.count)");
  require(op.rule.now != nullptr, "adamw_rows: the state of the step must be given");
  if (ctx.device().is_cpu()) require_room_for_state(op.rows);
  dispatch<&CpuTwins::adamw_rows, cuda::adamw_rows>(ctx, "adamw_rows", op);
}

}  // namespace peer::ops
