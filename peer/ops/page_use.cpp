#include "peer/ops/page_use.h"

#include "peer/base/require.h"
#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/device_dispatch.h"
#include "peer/ops/index_check.h"

namespace peer::ops {

void page_use(Context& ctx, const PageUse& op) {
  require(op.page_shift >= 0 && op.page_shift < 63, "page_use: the page shift is out of range");
  require_below(ctx, View<const std::int64_t, 1>(op.id.data, op.id.size()), op.uses.shape[0] << op.page_shift,
                "page_use: every expert must lie on a page");
  dispatch<&CpuTwins::page_use, cuda::page_use>(ctx, "page_use", op);
}

}  // namespace peer::ops
