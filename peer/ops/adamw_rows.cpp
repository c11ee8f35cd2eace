#include "peer/ops/adamw_rows.h"

#include "peer/base/require.h"
#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/device_dispatch.h"
#include "peer/ops/index_check.h"

namespace peer::ops {

namespace {

bool pages_fit(const ExpertRows& rows) {
  for (std::int64_t p = 0; p << rows.page_shift < rows.count; ++p) {
    const ExpertPage& page = rows.pages[p];
    if (page.trainable && (page.dirty == nullptr || page.stride < trainable_record_bytes(rows.width, rows.element))) return false;
  }
  return true;
}

}  // namespace

void adamw_rows(Context& ctx, const AdamwRows& op) {
  require(op.gradient.shape[0] == op.expert.shape[0], "adamw_rows: gradient must have a row for each expert");
  require(op.gradient.shape[1] == 2 * op.rows.width, "adamw_rows: gradient must be (C, 2D)");
  require_below(ctx, op.expert, op.rows.count, "adamw_rows: every expert must be in [0, rows.count)");
  require(!ctx.device().is_cpu() || pages_fit(op.rows),
          "adamw_rows: a trainable page must have a dirty flag and room for the optimizer's state");
  dispatch<&CpuTwins::adamw_rows, cuda::adamw_rows>(ctx, "adamw_rows", op);
}

}  // namespace peer::ops
