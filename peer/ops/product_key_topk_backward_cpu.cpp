#include <algorithm>

#include "peer/ops/cpu_expert_twins.h"
#include "peer/ops/row_kernels.h"
#include "peer/ops/slot_order.h"

namespace peer::ops::cpu {
namespace {

// Tokens of a chunk are few enough that their queries stay in cache while they are read in the order of the sub-keys. Fixed, so that the
// order of the sums is too.
constexpr std::int64_t kChunkPicks = 64 * 1024;

// One half of the product keys, and where its picks and its gradients are.
struct HalfBackward {
  const float* query;         // (queries, d_half) at a stride of 2*d_half
  const std::int32_t* pick;   // (queries, K)
  const float* dscore;        // (queries, K)
  View<const float, 3> keys;  // (S, n, d_half)
  float* dquery;              // as query
  View<float, 3> dkeys;       // (S, n, d_half)
  std::int64_t queries, heads, k;

  std::int64_t width() const { return keys.shape[2]; }
  // The sub-key that a slot s = query*K + k picked, numbered through the sets.
  std::int64_t key_at(std::int64_t slot) const {
    const std::int64_t set = keys.shape[0] == 1 ? 0 : slot / k % heads;
    return set * keys.shape[1] + pick[slot];
  }
};

void query_gradient(Context& ctx, const HalfBackward& half) {
  const std::int64_t width = half.width();
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t q = 0; q < half.queries; ++q) {
    float* dquery = half.dquery + q * 2 * width;
    std::fill_n(dquery, width, 0.0f);
    add_rows(
        dquery, width, half.k, [&](std::int64_t k) { return half.keys.data + half.key_at(q * half.k + k) * width; },
        [&](std::int64_t k) { return half.dscore[q * half.k + k]; });
  }
}

// One thread sums a sub-key's picks, in rising slot: the same bits for any number of threads. The gradient of the scores has K of n
// numbers a query, so a GEMM over it would multiply by zeros (a factor of 64 at n = 1024, K = 16).
void key_gradient(Context& ctx, const HalfBackward& half) {
  const std::int64_t width = half.width(), slots = half.queries * half.k;
  const KeyedSlot* sorted =
      sort_slots(ctx, 0, slots, half.keys.shape[0] * half.keys.shape[1], [&](std::int64_t slot) { return half.key_at(slot); });
  std::int32_t* begin = ctx.scratch<std::int32_t>(3, slots + 1);
  const std::int64_t runs = for_each_run(sorted, slots, [&](std::int64_t u, std::int64_t i) { begin[u] = static_cast<std::int32_t>(i); });
  begin[runs] = static_cast<std::int32_t>(slots);
#pragma omp parallel for schedule(dynamic, 4) num_threads(ctx.threads())
  for (std::int64_t u = 0; u < runs; ++u) {
    const KeyedSlot* run = sorted + begin[u];
    add_rows(
        half.dkeys.data + key_of(run[0]) * width, width, begin[u + 1] - begin[u],
        [&](std::int64_t i) { return half.query + slot_of(run[i]) / half.k * 2 * width; },
        [&](std::int64_t i) { return half.dscore[slot_of(run[i])]; });
  }
}

}  // namespace

void product_key_topk_backward(Context& ctx, const ProductKeyTopKBackward& op) {
  const std::int64_t tokens = op.query.shape[0], heads = op.query.shape[1], k = op.row.shape[2], width = op.query.shape[3];
  const std::int64_t chunk = std::max<std::int64_t>(1, kChunkPicks / (heads * k));
  for (std::int64_t first = 0; first < tokens; first += chunk) {
    const std::int64_t queries = std::min(chunk, tokens - first) * heads, offset = first * heads;
    for (int side = 0; side < 2; ++side) {
      const bool is_row = side == 0;
      const HalfBackward half{op.query.row(first) + side * width,
                              (is_row ? op.row : op.column).data + offset * k,
                              op.dscore.data + offset * k,
                              is_row ? op.rows : op.columns,
                              op.dquery.row(first) + side * width,
                              is_row ? op.drows : op.dcolumns,
                              queries,
                              heads,
                              k};
      query_gradient(ctx, half);
      if (!half.dkeys.empty()) key_gradient(ctx, half);
    }
  }
}

}  // namespace peer::ops::cpu
