#include <omp.h>

#include <algorithm>

#include "peer/ops/cpu_expert_twins.h"
#include "peer/ops/row_kernels.h"
#include "peer/ops/slot_order.h"

namespace peer::ops::cpu {
namespace {

// Tokens of a chunk are few enough that their queries stay in cache while they are read in the order of the sub-keys. Fixed, so that the
// order of the sums is too.
constexpr std::int64_t kChunkPicks = 64 * 1024;

// A sub-key that a query picked, with the sum of its picks' dscore.
struct PickedKey {
  std::int32_t key;    // numbered through the sets
  std::int32_t query;  // of the chunk
  float dscore;
};

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
  std::int64_t key_count() const { return keys.shape[0] * keys.shape[1]; }
};

// The pairs that a query picks share rows and columns: of 16 picks some seven sub-keys of a half are different. Each is met once here.
// picked (queries, K), of each query the first count[q], in the order of first picks.
void merge_picks(Context& ctx, const HalfBackward& half, PickedKey* picked, std::int32_t* count) {
  const std::int64_t keys = half.keys.shape[1];
  std::int32_t* all_places = ctx.scratch<std::int32_t>(0, ctx.threads() * keys);
#pragma omp parallel num_threads(ctx.threads())
  {
    // Where a sub-key stands in the query's list, if it does: what other queries left behind points at another sub-key or beyond the end.
    std::int32_t* place = all_places + omp_get_thread_num() * keys;
    std::fill_n(place, keys, 0);
#pragma omp for schedule(static)
    for (std::int64_t q = 0; q < half.queries; ++q) {
      const auto first_key = static_cast<std::int32_t>(half.keys.shape[0] == 1 ? 0 : q % half.heads * keys);
      PickedKey* list = picked + q * half.k;
      std::int32_t found = 0;
      for (std::int64_t slot = q * half.k; slot < (q + 1) * half.k; ++slot) {
        std::int32_t& at = place[half.pick[slot]];
        const std::int32_t key = first_key + half.pick[slot];
        if (at < found && list[at].key == key) {
          list[at].dscore += half.dscore[slot];
        } else {
          at = found;
          list[found++] = {key, static_cast<std::int32_t>(q), half.dscore[slot]};
        }
      }
      count[q] = found;
    }
  }
}

void query_gradient(Context& ctx, const HalfBackward& half, const PickedKey* picked, const std::int32_t* count) {
  const std::int64_t width = half.width();
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t q = 0; q < half.queries; ++q) {
    const PickedKey* list = picked + q * half.k;
    float* dquery = half.dquery + q * 2 * width;
    std::fill_n(dquery, width, 0.0f);
    add_rows(
        dquery, width, count[q], [&](std::int64_t i) { return half.keys.data + list[i].key * width; },
        [&](std::int64_t i) { return list[i].dscore; });
  }
}

// One thread sums a sub-key's queries, in rising query: the same bits for any number of threads. The gradient of the scores has fewer than
// K of n numbers a query, so a GEMM over it would multiply by zeros (a factor of more than 64 at n = 1024, K = 16).
void key_gradient(Context& ctx, const HalfBackward& half, const PickedKey* picked, const std::int32_t* count) {
  const std::int64_t width = half.width();
  PickedKey* all = ctx.scratch<PickedKey>(5, half.queries * half.k);
  std::int64_t total = 0;
  for (std::int64_t q = 0; q < half.queries; ++q) {
    std::copy_n(picked + q * half.k, count[q], all + total);
    total += count[q];
  }
  const KeyedSlot* sorted = sort_slots(ctx, 0, total, half.key_count(), [&](std::int64_t i) { return all[i].key; });
  std::int32_t* begin = ctx.scratch<std::int32_t>(3, total + 1);
  const std::int64_t runs = for_each_run(sorted, total, [&](std::int64_t u, std::int64_t i) { begin[u] = static_cast<std::int32_t>(i); });
  begin[runs] = static_cast<std::int32_t>(total);
#pragma omp parallel for schedule(dynamic, 4) num_threads(ctx.threads())
  for (std::int64_t u = 0; u < runs; ++u) {
    const KeyedSlot* run = sorted + begin[u];
    add_rows(
        half.dkeys.data + key_of(run[0]) * width, width, begin[u + 1] - begin[u],
        [&](std::int64_t i) { return half.query + all[slot_of(run[i])].query * 2 * width; },
        [&](std::int64_t i) { return all[slot_of(run[i])].dscore; });
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
      PickedKey* picked = ctx.scratch<PickedKey>(4, queries * k);
      std::int32_t* count = ctx.scratch<std::int32_t>(6, queries);
      merge_picks(ctx, half, picked, count);
      query_gradient(ctx, half, picked, count);
      if (!half.dkeys.empty()) key_gradient(ctx, half, picked, count);
    }
  }
}

}  // namespace peer::ops::cpu
