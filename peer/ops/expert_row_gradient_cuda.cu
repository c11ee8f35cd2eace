#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/run_sums.cuh"
#include "peer/ops/token_of_slot.h"

namespace peer::ops::cuda {

// A block takes a segment and kThreads of its columns.
void expert_row_gradient(Context& ctx, const ExpertRowGradient& op) {
  const std::int64_t width = op.x.shape[1], columns = 2 * width, tiles = blocks_of(columns, kThreads);
  const TokenOfSlot token_of(static_cast<std::uint32_t>(op.dhidden.shape[1]));
  for_each_block(ctx, op.gradient.shape[0] * tiles, [=] __device__(std::int64_t b) {
    const std::int64_t u = op.first + b / tiles;
    const auto term = [&](std::int64_t place, std::int64_t c) {
      const std::int64_t slot = op.order[place], token = token_of(static_cast<std::uint32_t>(slot)) * width;
      return c < width ? op.dhidden.data[slot] * op.x.data[token + c] : op.up_weight.data[slot] * op.dy.data[token + c - width];
    };
    sum_run({op.begin[u], op.begin[u + 1]}, b % tiles * kThreads, columns, term,
            [&](std::int64_t c, float sum) { op.gradient.row(b / tiles)[c] = sum; });
  });
}

}  // namespace peer::ops::cuda
