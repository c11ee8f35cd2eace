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

// A block adds up the tokens that share an id, each thread its columns.
void embedding_backward(Context& ctx, const EmbeddingBackward& op) {
  const std::int64_t tokens = op.dx.shape[0], width = op.dx.shape[1];
  const SortedSlots sorted = sort_slots(ctx, 0, tokens, op.dtable.shape[0], [=] __device__(std::int64_t n) { return op.id[n]; });
  for_each_block(ctx, tokens, [=] __device__(std::int64_t i) {
    if (!sorted.begins_run(i)) return;
    float* row = op.dtable.row(sorted.key[i]);
    for (std::int64_t c = threadIdx.x; c < width; c += kThreads) {
      float sum = row[c];
      sorted.for_each_in_run(i, [&](std::int32_t n) { sum += op.dx.row(n)[c]; });
      row[c] = sum;
    }
  });
}

}  // namespace peer::ops::cuda
