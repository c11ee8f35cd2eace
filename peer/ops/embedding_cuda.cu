#include "peer/ops/cuda_twins.h"
#include "peer/ops/slot_order_cuda.cuh"

namespace peer::ops::cuda {

void embedding(Context& ctx, const Embedding& op) {
  const std::int64_t width = op.x.shape[1];
  for_each_element(ctx, op.x.size(), [=] __device__(std::int64_t i) {
    const std::int32_t id = op.id[i / width];
    device_require(id >= 0 && id < op.table.shape[0]);
    op.x[i] += op.table.row(id)[i % width];
  });
}

// A block adds up kThreads columns of the tokens that share an id.
void embedding_backward(Context& ctx, const EmbeddingBackward& op) {
  const std::int64_t ids = op.dtable.shape[0], width = op.dx.shape[1], tiles = blocks_of(width, kThreads);
  const SortedSlots sorted = sort_slots(ctx, 0, op.dx.shape[0], ids, [=] __device__(std::int64_t n) { return op.id[n]; });
  for_each_block(ctx, ids * tiles, [=] __device__(std::int64_t b) {
    sum_run(
        sorted.run_of(static_cast<std::uint32_t>(b / tiles)), b % tiles * kThreads, width,
        [&](std::int64_t place, std::int64_t c) { return op.dx.row(sorted.slot[place])[c]; },
        [&](std::int64_t c, float sum) { op.dtable.row(b / tiles)[c] += sum; });
  });
}

}  // namespace peer::ops::cuda
