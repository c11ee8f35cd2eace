#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/kernel_launch.cuh"

namespace peer::ops::cuda {

// A block takes a segment, a thread its columns of [ddown | dup], in the order of row_order.
void expert_row_gradient(Context& ctx, const ExpertRowGradient& op) {
  const std::int64_t width = op.x.shape[1], picks = op.dhidden.shape[1];
  for_each_block(ctx, op.gradient.shape[0], [=] __device__(std::int64_t c) {
    const std::int64_t begin = op.begin[op.first + c], end = op.begin[op.first + c + 1];
    for (std::int64_t i = threadIdx.x; i < 2 * width; i += kThreads) {
      const bool is_down = i < width;
      const float* vectors = is_down ? op.x.data + i : op.dy.data + (i - width);
      const float* weights = is_down ? op.dhidden.data : op.up_weight.data;
      float sum = 0;
      for (std::int64_t place = begin; place < end; ++place) {
        const std::int64_t slot = op.order[place];
        sum += weights[slot] * vectors[slot / picks * width];
      }
      op.gradient.row(c)[i] = sum;
    }
  });
}

}  // namespace peer::ops::cuda
