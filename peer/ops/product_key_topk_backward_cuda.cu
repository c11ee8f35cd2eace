#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/slot_order_cuda.cuh"

namespace peer::ops::cuda {
namespace {

// One half of the product keys, and where its picks and its gradients are.
struct HalfBackward {
  const float* query;         // (N*H, d_half) at a stride of 2*d_half
  const std::int32_t* pick;   // (N*H, K)
  const float* dscore;        // (N*H, K)
  View<const float, 3> keys;  // (S, n, d_half)
  float* dquery;              // as query
  View<float, 3> dkeys;       // (S, n, d_half)
  std::int64_t queries, heads, k;

  // The sub-key that a slot s = query*K + k picked, numbered through the sets.
  __device__ std::int64_t key_at(std::int64_t slot) const {
    device_require(pick[slot] >= 0 && pick[slot] < keys.shape[1]);
    const std::int64_t set = keys.shape[0] == 1 ? 0 : slot / k % heads;
    return set * keys.shape[1] + pick[slot];
  }
};

void query_gradient(Context& ctx, HalfBackward half) {
  const std::int64_t width = half.keys.shape[2];
  for_each_element(ctx, half.queries * width, [=] __device__(std::int64_t i) {
    const std::int64_t q = i / width, c = i % width;
    float sum = 0;
    for (std::int64_t slot = q * half.k; slot < (q + 1) * half.k; ++slot)
      sum += half.dscore[slot] * half.keys.data[half.key_at(slot) * width + c];
    half.dquery[q * 2 * width + c] = sum;
  });
}

// A block adds up 32 columns of the picks of a sub-key, of which there are thousands in a large batch.
void key_gradient(Context& ctx, HalfBackward half) {
  const std::int64_t width = half.keys.shape[2], keys = half.keys.shape[0] * half.keys.shape[1], tiles = blocks_of(width, kWarp);
  const SortedSlots sorted =
      sort_slots(ctx, 0, half.queries * half.k, keys, [=] __device__(std::int64_t slot) { return half.key_at(slot); });
  for_each_block(ctx, keys * tiles, [=] __device__(std::int64_t b) {
    const auto term = [&](std::int64_t place, std::int64_t c) {
      const std::int64_t slot = sorted.slot[place];
      return half.dscore[slot] * half.query[slot / half.k * 2 * width + c];
    };
    sum_run_by_warps(sorted.run_of(static_cast<std::uint32_t>(b / tiles)), b % tiles * kWarp, width, term,
                     [&](std::int64_t c, float sum) { half.dkeys.data[b / tiles * width + c] += sum; });
  });
}

}  // namespace

void product_key_topk_backward(Context& ctx, const ProductKeyTopKBackward& op) {
  const std::int64_t heads = op.query.shape[1], queries = op.query.shape[0] * heads, width = op.query.shape[3], k = op.row.shape[2];
  const HalfBackward halves[] = {
      {op.query.data, op.row.data, op.dscore.data, op.rows, op.dquery.data, op.drows, queries, heads, k},
      {op.query.data + width, op.column.data, op.dscore.data, op.columns, op.dquery.data + width, op.dcolumns, queries, heads, k}};
  for (const HalfBackward& half : halves) {
    query_gradient(ctx, half);
    if (!half.dkeys.empty()) key_gradient(ctx, half);
  }
}

}  // namespace peer::ops::cuda
