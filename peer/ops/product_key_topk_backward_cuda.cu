#include <limits>

#include "peer/base/require.h"
#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/slot_row_sums.cuh"

namespace peer::ops::cuda {
namespace {

// Slots of scratch memory; the sums also take the one behind theirs.
constexpr int kKeys = 0, kSlots = 1, kSorting = 2, kWeights = 3, kSums = 4;

// Both halves of the product keys as one: row r = 2*query + half of the queries and of their gradients, slot s = r*K + k of their picks.
// Sub-keys are numbered through the sets, those of the second half behind those of the first.
struct Halves {
  const float* query;                 // (2*N*H, d_half)
  const std::int32_t *row, *column;   // (N*H, K)
  const float* dscore;                // (N*H, K)
  const float *rows, *columns;        // (S*n, d_half)
  float* dquery;                      // (2*N*H, d_half)
  float *drows, *dcolumns;            // (S*n, d_half)  null: frozen
  std::int64_t queries, k, width;     // N*H, K, d_half
  unsigned heads, sets, keys_of_set;  // H, S, n

  bool trained() const { return drows != nullptr || dcolumns != nullptr; }
  std::int64_t slots() const { return 2 * queries * k; }
  __host__ __device__ std::int64_t keys_of_half() const { return static_cast<std::int64_t>(sets) * keys_of_set; }
  __device__ float* dkey(std::int64_t key) const {
    return key < keys_of_half() ? drows + key * width : dcolumns + (key - keys_of_half()) * width;
  }
};

// What each slot adds to which sub-key.
struct KeyedSlots {
  std::uint32_t* key;  // (slots)  of no sub-key where the slot adds nothing
  std::int32_t* slot;  // (slots)
  float* weight;       // (slots)
};

// One of up to 32 picks of row r from the k-th on. The pairs that a query picks share rows and columns: of 16 picks some seven sub-keys of
// a half are different. The first lane of those with the same sub-key has the sum of their dscore, the others have nothing.
struct MergedPick {
  bool adds;
  WeightedRow own;  // the sub-key's row in its half
};

__device__ MergedPick merged_pick(const Halves& halves, std::int64_t r, std::int64_t k, int lane) {
  const std::int64_t query = r / 2, at = query * halves.k + k + lane;
  const bool there = k + lane < halves.k;
  std::int32_t pick = -1;
  float dscore = 0;
  if (there) {
    pick = (r % 2 == 0 ? halves.row : halves.column)[at];
    dscore = halves.dscore[at];
  }
  const unsigned same = __match_any_sync(kAllLanes, pick);
  const bool first = there && lane == __ffs(static_cast<int>(same)) - 1;
  float sum = dscore;
  for (unsigned others = first ? same & (same - 1) : 0; __ballot_sync(kAllLanes, others != 0) != 0; others &= others - 1) {
    const float other = __shfl_sync(kAllLanes, dscore, others != 0 ? __ffs(static_cast<int>(others)) - 1 : lane);
    if (others != 0) sum += other;
  }
  // Only here: a check between the two reads would have the second wait for the first.
  device_require(!there || (pick >= 0 && static_cast<unsigned>(pick) < halves.keys_of_set));
  const unsigned set = halves.sets == 1 ? 0 : static_cast<unsigned>(query) % halves.heads;
  return {first, {static_cast<std::int32_t>(set * halves.keys_of_set) + pick, sum}};
}

__device__ void key_slot(const Halves& halves, const KeyedSlots& slots, std::int64_t r, std::int64_t k, int lane, const MergedPick& pick) {
  if (k + lane >= halves.k) return;
  const std::int64_t s = r * halves.k + k + lane, keys = halves.keys_of_half();
  const bool adds = pick.adds && (r % 2 == 0 ? halves.drows : halves.dcolumns) != nullptr;
  slots.key[s] = static_cast<std::uint32_t>(adds ? r % 2 * keys + pick.own.row : 2 * keys);
  slots.slot[s] = static_cast<std::int32_t>(s);
  slots.weight[s] = pick.own.weight;
}

// A warp takes a half of a query. It also keys the slots for key_gradient, since it has their picks.
template <int kNumbers>
void query_gradient(Context& ctx, const Halves& halves, const KeyedSlots& slots) {
  for_each_warp(ctx, 2 * halves.queries, [=] __device__(std::int64_t r, int lane) {
    const float* keys = r % 2 == 0 ? halves.rows : halves.columns;
    for (std::int64_t tile = 0; tile < halves.width; tile += kWarp * kNumbers) {
      const std::int64_t column = tile + lane * kNumbers;
      LaneNumbers<kNumbers> sum;
      for (std::int64_t k = 0; k < halves.k; k += kWarp) {
        const MergedPick pick = merged_pick(halves, r, k, lane);
        if (tile == 0 && slots.key != nullptr) key_slot(halves, slots, r, k, lane, pick);
        add_rows(pick.adds, pick.own, keys, halves.width, column, sum);
      }
      if (column < halves.width) store_numbers(sum, halves.dquery + r * halves.width + column);
    }
  });
}

template <int kNumbers>
void key_gradient(Context& ctx, const Halves& halves, const KeyedSlots& slots) {
  const std::int64_t keys = 2 * halves.keys_of_half();
  const SortedSlots sorted = sort_pairs(ctx, kSorting, slots.key, slots.slot, halves.slots(), keys + 1);
  const auto row_of = [k = static_cast<unsigned>(halves.k), weight = slots.weight] __device__(std::int32_t slot) {
    return WeightedRow{static_cast<std::int32_t>(static_cast<unsigned>(slot) / k), weight[slot]};
  };
  add_slot_rows<kNumbers>(ctx, kSums, SlotRows{sorted, halves.query, halves.width, row_of}, keys,
                          [=] __device__(std::int64_t key) { return halves.dkey(key); });
}

}  // namespace

void product_key_topk_backward(Context& ctx, const ProductKeyTopKBackward& op) {
  const Halves halves{.query = op.query.data,
                      .row = op.row.data,
                      .column = op.column.data,
                      .dscore = op.dscore.data,
                      .rows = op.rows.data,
                      .columns = op.columns.data,
                      .dquery = op.dquery.data,
                      .drows = op.drows.data,
                      .dcolumns = op.dcolumns.data,
                      .queries = op.query.shape[0] * op.query.shape[1],
                      .k = op.row.shape[2],
                      .width = op.query.shape[3],
                      .heads = static_cast<unsigned>(op.query.shape[1]),
                      .sets = static_cast<unsigned>(op.rows.shape[0]),
                      .keys_of_set = static_cast<unsigned>(op.rows.shape[1])};
  require(halves.slots() <= std::numeric_limits<std::int32_t>::max(), "product_key_topk_backward: there must be fewer than 2^30 picks");
  const std::int64_t count = halves.trained() ? halves.slots() : 0;
  KeyedSlots slots{};
  if (count > 0)
    slots = {ctx.scratch<std::uint32_t>(kKeys, 2 * count), ctx.scratch<std::int32_t>(kSlots, 2 * count),
             ctx.scratch<float>(kWeights, count)};
  with_lane_numbers(halves.width, {halves.query, halves.rows, halves.columns, halves.dquery, halves.drows, halves.dcolumns},
                    [&]<int kNumbers>() {
                      query_gradient<kNumbers>(ctx, halves, slots);
                      if (count > 0) key_gradient<kNumbers>(ctx, halves, slots);
                    });
}

}  // namespace peer::ops::cuda
