#include <algorithm>
#include <optional>

#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/product_key_scores.h"
#include "peer/ops/split_scores.cuh"
#include "peer/ops/warp_select.cuh"

namespace peer::ops::cuda {
namespace {

constexpr std::int64_t kChunkScores = std::int64_t{8} << 20;  // 32 MiB of one half's scores at a time, which the L2 of a large card holds
constexpr int kSplitScratch = 3;                              // and the slot behind it

// The K best sub-keys of each half, falling: (2, queries, K).
struct Best {
  float* score;
  std::uint32_t* key;
};

void best_of_half(Context& ctx, const float* scores, std::int64_t queries, std::int64_t open, std::int64_t wanted, Best best) {
  for_each_warp(ctx, queries, [=] __device__(std::int64_t q, int lane) {
    const float* row = scores + q * open;
    warp_take_largest(
        lane, open, wanted, [&](std::int64_t i) { return rank_key(row[i], static_cast<std::uint32_t>(i)); },
        [&](std::int64_t k, RankKey key) {
          best.score[q * wanted + k] = score_of(key);
          best.key[q * wanted + k] = tie_of(key);
        });
  });
}

// Of all K*K sums, so that the picks are the CPU twin's whatever the ties. `offset`: of the chunk's first pick in op's views.
void best_of_pairs(Context& ctx, const ProductKeyTopK& op, Best rows, Best columns, std::int64_t queries, std::int64_t offset) {
  const std::int64_t wanted = op.row.shape[2];
  for_each_warp(ctx, queries, [=] __device__(std::int64_t q, int lane) {
    const std::int64_t first = q * wanted;
    warp_take_largest(
        lane, wanted * wanted, wanted,
        [&](std::int64_t pair) {
          const auto number = static_cast<unsigned>(pair), side = static_cast<unsigned>(wanted);
          const std::int64_t a = first + number / side, b = first + number % side;
          return rank_key(rows.score[a] + columns.score[b], rows.key[a] << 16 | columns.key[b]);
        },
        [&](std::int64_t k, RankKey key) {
          const std::int64_t at = offset + first + k;
          op.row.data[at] = static_cast<std::int32_t>(tie_of(key) >> 16);
          op.column.data[at] = static_cast<std::int32_t>(tie_of(key) & 0xffff);
          op.score.data[at] = score_of(key);
        });
  });
}

}  // namespace

void product_key_topk(Context& ctx, const ProductKeyTopK& op) {
  const std::int64_t tokens = op.query.shape[0], heads = op.query.shape[1], k = op.row.shape[2];
  const std::int64_t chunk = std::max<std::int64_t>(1, std::min(tokens, kChunkScores / (heads * op.open)));
  const std::int64_t most = chunk * heads;  // queries of a chunk
  float* scores = ctx.scratch<float>(0, most * op.open);
  float* best_scores = ctx.scratch<float>(1, 2 * most * k);
  std::uint32_t* best_keys = ctx.scratch<std::uint32_t>(2, 2 * most * k);
  const Best best[] = {{best_scores, best_keys}, {best_scores + most * k, best_keys + most * k}};
  std::optional<SplitScores> split;
  if (ctx.precision() == Precision::kBf16) split.emplace(ctx, op, kSplitScratch, chunk);
  for (std::int64_t first = 0; first < tokens; first += chunk) {
    const std::int64_t count = std::min(chunk, tokens - first);
    for (int half = 0; half < 2; ++half) {
      if (split)
        split->half(ctx, half, first, count, scores);
      else
        score_half(ctx, op, half, first, count, scores);
      best_of_half(ctx, scores, count * heads, op.open, k, best[half]);
    }
    best_of_pairs(ctx, op, best[0], best[1], count * heads, first * heads * k);
  }
}

}  // namespace peer::ops::cuda
