#include "peer/ops/cuda_twins.h"
#include "peer/ops/slot_row_sums.cuh"

namespace peer::ops::cuda {

void embedding(Context& ctx, const Embedding& op) {
  const std::int64_t width = op.x.shape[1];
  for_each_element(ctx, op.x.size(), [=] __device__(std::int64_t i) {
    const std::int32_t id = op.id[i / width];
    device_require(id >= 0 && id < op.table.shape[0]);
    op.x[i] += op.table.row(id)[i % width];
  });
}

void embedding_backward(Context& ctx, const EmbeddingBackward& op) {
  const std::int64_t ids = op.dtable.shape[0], width = op.dx.shape[1];
  const SortedSlots sorted = sort_slots(ctx, 0, op.dx.shape[0], ids, [=] __device__(std::int64_t n) { return op.id[n]; });
  const auto row_of = [] __device__(std::int32_t n) { return WeightedRow{n, 1.0f}; };
  const auto to = [=] __device__(std::int64_t id) { return op.dtable.row(id); };
  with_lane_numbers(width, {op.dx.data, op.dtable.data}, [&]<int kNumbers>() {
    add_slot_rows<kNumbers>(ctx, 3, SlotRows{sorted, op.dx.data, width, row_of}, ids, to);
  });
}

}  // namespace peer::ops::cuda
