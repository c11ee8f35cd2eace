#include "peer/ops/adamw_rows.h"

#include "peer/base/require.h"
#include "peer/ops/cpu_expert_twins.h"
#include "peer/ops/device_dispatch.h"
#include "peer/ops/index_check.h"

namespace peer::ops {

void adamw_rows(Context& ctx, const AdamwRows& op) {
  require(op.gradient.shape[0] == op.expert.shape[0], "adamw_rows: gradient must have a row for each expert");
  require(op.gradient.shape[1] == 2 * op.rows.width, "adamw_rows: gradient must be (C, 2D)");
  require_cpu(ctx, "adamw_rows");
  require(all_below(op.expert, op.rows.count), "adamw_rows: every expert must be in [0, rows.count)");
  for (std::int64_t p = 0; p << op.rows.page_shift < op.rows.count; ++p) {
    const ExpertPage& page = op.rows.pages[p];
    require(!page.trainable || (page.dirty != nullptr && page.stride > 6 * op.rows.width),
            "adamw_rows: a trainable page must have a dirty flag and room for the optimizer's state");
  }
  cpu::adamw_rows(ctx, op);
}

}  // namespace peer::ops
