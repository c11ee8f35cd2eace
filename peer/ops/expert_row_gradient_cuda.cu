#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/kernel_launch.cuh"

namespace peer::ops::cuda {
namespace {

constexpr std::int64_t kFewPicks = 256;  // of a segment that one thread for each column walks alone

// sum over the picks of segment `first + c` of its weight times its token's vector, for column i of [ddown | dup]: the picks begin + skip,
// begin + skip + stride, ... in that order.
__device__ float column_sum(const ExpertRowGradient& op, std::int64_t c, std::int64_t i, std::int64_t skip, std::int64_t stride) {
  const std::int64_t width = op.x.shape[1], picks = op.dhidden.shape[1], end = op.begin[op.first + c + 1];
  const bool is_down = i < width;
  const float* vectors = is_down ? op.x.data + i : op.dy.data + (i - width);
  const float* weights = is_down ? op.dhidden.data : op.up_weight.data;
  float sum = 0;
  for (std::int64_t place = op.begin[op.first + c] + skip; place < end; place += stride) {
    const std::int64_t slot = op.order[place];
    sum += weights[slot] * vectors[slot / picks * width];
  }
  return sum;
}

__device__ std::int64_t picks_of(const ExpertRowGradient& op, std::int64_t c) {
  return op.begin[op.first + c + 1] - op.begin[op.first + c];
}

// 32 columns of a segment of many picks by one block: each of its warps takes every eighth pick, and what they summed is added in order.
__device__ void sum_by_warps(const ExpertRowGradient& op, std::int64_t c, std::int64_t first_column) {
  __shared__ float of_warp[kWarps][kWarp];
  const int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  const std::int64_t i = first_column + lane;
  const bool inside = i < op.gradient.shape[1];
  of_warp[warp][lane] = inside ? column_sum(op, c, i, warp, kWarps) : 0;
  __syncthreads();
  if (warp == 0 && inside) {
    float sum = of_warp[0][lane];
    for (int w = 1; w < kWarps; ++w) sum += of_warp[w][lane];
    op.gradient.row(c)[i] = sum;
  }
  __syncthreads();  // the next columns are written where these were read
}

}  // namespace

// A block takes a segment and kThreads of its columns. A few experts of a large batch have thousands of picks, which threads of one column
// each would walk long after the other blocks have ended: there the block's warps share the picks, 32 columns at a time.
void expert_row_gradient(Context& ctx, const ExpertRowGradient& op) {
  const std::int64_t columns = op.gradient.shape[1], tiles = blocks_of(columns, kThreads);
  for_each_block(ctx, op.gradient.shape[0] * tiles, [=] __device__(std::int64_t b) {
    const std::int64_t c = b / tiles, first = b % tiles * kThreads, i = first + threadIdx.x;
    if (picks_of(op, c) > kFewPicks) {
      for (int warp = 0; warp < kWarps; ++warp) sum_by_warps(op, c, first + warp * kWarp);
    } else if (i < columns) {
      op.gradient.row(c)[i] = column_sum(op, c, i, 0, 1);
    }
  });
}

}  // namespace peer::ops::cuda
