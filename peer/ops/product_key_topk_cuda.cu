#include <algorithm>
#include <limits>
#include <optional>

#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/pick_selector.h"
#include "peer/ops/product_key_scores.h"
#include "peer/ops/split_scores.cuh"
#include "peer/ops/warp_select.cuh"

namespace peer::ops::cuda {
namespace {

// Of one half's scores at a time, to be swept on a card. The L2 of an H200 is 50 MB in two parts of 25, and what is read from the far one
// may be kept in both, so that a chunk should fit one of them. At n = 1024 it is a matrix of 4096 x 1024: 128 tiles of 128 x 256, of which
// the 132 multiprocessors compute one each.
constexpr std::int64_t kChunkBytes = std::int64_t{16} << 20;
constexpr int kSplitScratch = 2;  // and the slot behind it
constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

// Scores of one half, by query; rows begin at multiples of 16 bytes.
struct Scores {
  float* data;
  int open;
  std::int64_t stride;
};

__device__ RankKey sub_key(const float* row, std::int64_t i) { return rank_key(row[i], static_cast<std::uint32_t>(i)); }

// A lane's scores of a row, kFours times four of them at a time.
template <int kFours>
struct RowOfScores {
  static constexpr int kCount = 4 * kFours, kGroup = kWarp * kCount;
  const float* row;
  int open, lane;

  __device__ int groups() const { return (open + kGroup - 1) / kGroup; }
  __device__ int places() const { return open; }
  __device__ int place(int group, unsigned j) const { return group * kGroup + 4 * lane + static_cast<int>(j / 4 * 4 * kWarp + j % 4); }
  __device__ RankKey key(int place) const { return sub_key(row, place); }
  __device__ void load(int group, float (&numbers)[kCount]) const {
    const bool whole = (group + 1) * kGroup <= open;
    if (whole) {
#pragma unroll
      for (unsigned j = 0; j < kCount; j += 4) load_four(place(group, j), numbers + j);
      return;
    }
#pragma unroll
    for (unsigned j = 0; j < kCount; ++j) numbers[j] = kNone;
#pragma unroll
    for (unsigned j = 0; j < kCount; j += 4)
      if (place(group, j) < open) load_four(place(group, j), numbers + j);
    if (open % 4 == 0) return;
#pragma unroll
    for (unsigned j = 0; j < kCount; ++j)
      if (place(group, j) >= open) numbers[j] = kNone;
  }

 private:
  __device__ void load_four(int place, float* numbers) const {
    const float4 four = *reinterpret_cast<const float4*>(row + place);
    numbers[0] = four.x, numbers[1] = four.y, numbers[2] = four.z, numbers[3] = four.w;
  }
};

// best (queries, K) = the K best sub-keys of a half, falling.
template <int kFours>
void best_of_half(Context& ctx, Scores scores, std::int64_t queries, int wanted, RankKey* best) {
  for_each_warp(ctx, queries, [=] __device__(std::int64_t q, int lane) {
    const RowOfScores<kFours> row{scores.data + q * scores.stride, scores.open, lane};
    warp_take_largest(lane, wanted, row, [&](int k, RankKey key) { best[q * wanted + k] = key; });
  });
}

void best_of_half(Context& ctx, Scores scores, std::int64_t queries, int wanted, RankKey* best) {
  if (wanted > kWarp)
    for_each_warp(ctx, queries, [=] __device__(std::int64_t q, int lane) {
      const float* row = scores.data + q * scores.stride;
      take_one_by_one(
          lane, scores.open, wanted, [&](std::int64_t i) { return sub_key(row, i); },
          [&](int k, RankKey key) { best[q * wanted + k] = key; });
    });
  else if (scores.open <= RowOfScores<2>::kGroup)
    best_of_half<2>(ctx, scores, queries, wanted, best);
  else if (scores.open <= RowOfScores<4>::kGroup)
    best_of_half<4>(ctx, scores, queries, wanted, best);
  else
    best_of_half<8>(ctx, scores, queries, wanted, best);
}

// The K best sub-keys of both halves and the picks, by query.
struct Picks {
  const RankKey *rows, *columns;  // falling
  int wanted;
  std::int32_t *row, *column;
  float* score;

  __device__ Picks of(std::int64_t q) const {
    return {rows + q * wanted, columns + q * wanted, wanted, row + q * wanted, column + q * wanted, score + q * wanted};
  }
  __device__ RankKey pair(std::uint32_t a, std::uint32_t b) const {
    return rank_key(score_of(rows[a]) + score_of(columns[b]), tie_of_pair(rows[a], columns[b]));
  }
  __device__ void take(int k, RankKey pair) const {
    row[k] = static_cast<std::int32_t>(tie_of(pair) >> 16);
    column[k] = static_cast<std::int32_t>(tie_of(pair) & 0xffff);
    score[k] = score_of(pair);
  }
};

// A lane's sums of the best of both halves, of which there are at most kSide each: of every fourth row and every eighth column. So the
// lanes' maxima are the sums of the first four rows with the first eight columns, of which the 16th is near the 16th of all.
template <int kSide>
struct SumsOfHalves {
  static constexpr int kRows = 4, kColumns = 8, kEach = kSide / kColumns, kCount = kSide * kSide / kWarp;
  const Picks& picks;
  int lane;

  __device__ int groups() const { return 1; }
  __device__ int places() const { return kSide * kSide; }
  __device__ int place(int, unsigned j) const {
    return (lane / kColumns * kSide + lane % kColumns) + static_cast<int>(j / kEach * kRows * kSide + j % kEach * kColumns);
  }
  __device__ RankKey key(int place) const {
    const auto a = static_cast<std::uint32_t>(place) / kSide, b = static_cast<std::uint32_t>(place) % kSide;
    const auto wanted = static_cast<std::uint32_t>(picks.wanted);
    return a < wanted && b < wanted ? picks.pair(a, b) : std::numeric_limits<RankKey>::min();
  }
  __device__ void load(int, float (&numbers)[kCount]) const {
    const bool has = lane < picks.wanted;
    const float row = has ? score_of(picks.rows[lane]) : kNone, column = has ? score_of(picks.columns[lane]) : kNone;
    float columns[kEach];
#pragma unroll
    for (int i = 0; i < kEach; ++i) columns[i] = __shfl_sync(kAllLanes, column, lane % kColumns + i * kColumns);
#pragma unroll
    for (int j = 0; j < kCount; j += kEach) {
      const float shared = __shfl_sync(kAllLanes, row, lane / kColumns + j / kEach * kRows);
#pragma unroll
      for (int i = 0; i < kEach; ++i) numbers[j + i] = shared + columns[i];
    }
  }
};

// Of all K*K sums, so that the picks are the CPU twin's whatever the ties.
template <int kSide>
void best_of_pairs(Context& ctx, std::int64_t queries, Picks all) {
  for_each_warp(ctx, queries, [=] __device__(std::int64_t q, int lane) {
    const Picks picks = all.of(q);
    warp_take_largest(lane, picks.wanted, SumsOfHalves<kSide>{picks, lane}, [&](int k, RankKey pair) { picks.take(k, pair); });
  });
}

void best_of_pairs(Context& ctx, std::int64_t queries, Picks all) {
  if (all.wanted > kWarp)
    for_each_warp(ctx, queries, [=] __device__(std::int64_t q, int lane) {
      const Picks picks = all.of(q);
      const auto k = static_cast<std::uint32_t>(picks.wanted);
      const auto pair_at = [&](std::int64_t pair) {
        const auto number = static_cast<std::uint32_t>(pair);
        return picks.pair(number / k, number % k);
      };
      take_one_by_one(lane, std::int64_t{k} * k, picks.wanted, pair_at, [&](int at, RankKey pair) { picks.take(at, pair); });
    });
  else if (all.wanted <= 8)
    best_of_pairs<8>(ctx, queries, all);
  else if (all.wanted <= 16)
    best_of_pairs<16>(ctx, queries, all);
  else
    best_of_pairs<32>(ctx, queries, all);
}

// How many tokens are scored at a time, so that the scores of a half are still in the cache when they are ranked.
std::int64_t tokens_of_chunk(std::int64_t tokens, std::int64_t heads, std::int64_t stride) {
  constexpr std::int64_t kFloat = sizeof(float);
  return std::max<std::int64_t>(1, std::min(tokens, kChunkBytes / kFloat / (heads * stride)));
}

}  // namespace

void product_key_topk(Context& ctx, const ProductKeyTopK& op) {
  const std::int64_t tokens = op.query.shape[0], heads = op.query.shape[1], k = op.row.shape[2];
  const std::int64_t stride = (op.open + 3) / 4 * 4;
  const std::int64_t chunk = tokens_of_chunk(tokens, heads, stride), most = chunk * heads;  // queries of a chunk
  const Scores scores{ctx.scratch<float>(0, most * stride), static_cast<int>(op.open), stride};
  RankKey* best[2] = {ctx.scratch<RankKey>(1, 2 * most * k)};
  best[1] = best[0] + most * k;
  std::optional<SplitScores> split;
  if (ctx.precision() == Precision::kBf16) split.emplace(ctx, op, kSplitScratch, chunk);
  for (std::int64_t first = 0; first < tokens; first += chunk) {
    const std::int64_t count = std::min(chunk, tokens - first), queries = count * heads, slot = first * heads * k;
    if (split) split->take(ctx, first, count);
    for (int half = 0; half < 2; ++half) {
      if (split)
        split->half(ctx, half, count, scores.data, stride);
      else
        score_half(ctx, op, half, first, count, scores.data, stride);
      best_of_half(ctx, scores, queries, static_cast<int>(k), best[half]);
    }
    best_of_pairs(ctx, queries, {best[0], best[1], static_cast<int>(k), op.row.data + slot, op.column.data + slot, op.score.data + slot});
  }
}

}  // namespace peer::ops::cuda
