#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/kernel_launch.cuh"

namespace peer::ops::cuda {

// Whole numbers: added in any order they give the same sum.
void page_use(Context& ctx, const PageUse& op) {
  for_each_element(ctx, op.id.size(), [=] __device__(std::int64_t i) {
    const std::int64_t page = op.id.data[i] >> op.page_shift;
    device_require(page >= 0 && page < op.uses.shape[0]);
    atomicAdd(&op.uses[page], 1u);
  });
}

}  // namespace peer::ops::cuda
