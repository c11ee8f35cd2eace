// Scores at the speed of bf16 products and nearly with the accuracy of fp32: a number is the sum of two of bf16, high + low, so that
//   <q, k> = <q_high, k_high> + <q_high, k_low> + <q_low, k_high>   up to 2^-16 |q| |k|,
// which is one product of thrice the depth. (Henry, Tang & Heinecke 2019)
#pragma once

#include <cstdint>
#include <limits>

#include "peer/base/require.h"
#include "peer/device/cuda_backend.h"
#include "peer/ops/product_key_topk.h"
#include "peer/ops/row_pack.cuh"

namespace peer::ops::cuda {

enum class SplitOrder { kHighHighLow, kHighLowHigh };  // of queries, of sub-keys

// to (rows, 3 width) = the parts of x (rows, width), by a thread for each eight numbers of a row.
template <bool kWhole>
void split_rows(Context& ctx, const float* x, std::int64_t rows, std::int64_t width, SplitOrder order, Bfloat16* to) {
  const std::int64_t packs = blocks_of(width, kPack);  // of a row
  require(rows * packs <= std::numeric_limits<std::uint32_t>::max(), "split_rows: there must be fewer than 2^32 packs");
  for_each_element(ctx, rows * packs, [=] __device__(std::int64_t i) {
    const std::uint32_t number = static_cast<std::uint32_t>(i), each = static_cast<std::uint32_t>(packs);
    const std::int64_t row = number / each, c = number % each * kPack, left = width - c;
    const Pack pack = load_pack<kWhole>(x + row * width + c, left);
    Bfloat16 high[kPack], low[kPack];
    for (int j = 0; j < kPack; ++j) {
      high[j].bits = bfloat16_of(pack.x[j]);
      low[j].bits = bfloat16_of(pack.x[j] - high[j]);
    }
    Bfloat16* parts = to + row * 3 * width + c;
    const bool low_last = order == SplitOrder::kHighHighLow;
    store_pack<kWhole>(high, parts, left);
    store_pack<kWhole>(high, parts + (low_last ? 1 : 2) * width, left);
    store_pack<kWhole>(low, parts + (low_last ? 2 : 1) * width, left);
  });
}

inline void split_rows(Context& ctx, const float* x, std::int64_t rows, std::int64_t width, SplitOrder order, Bfloat16* to) {
  whole_packs(width) ? split_rows<true>(ctx, x, rows, width, order, to) : split_rows<false>(ctx, x, rows, width, order, to);
}

class SplitScores {
 public:
  // `first_scratch` and the slot behind it hold the parts of `tokens` tokens' queries and of all sub-keys.
  SplitScores(Context& ctx, const ProductKeyTopK& op, int first_scratch, std::int64_t tokens)
      : op_(op),
        width_(op.query.shape[3]),
        sets_(op.rows.shape[0]),
        queries_(ctx.scratch<Bfloat16>(first_scratch, tokens * op.query.shape[1] * 2 * depth())),
        keys_(ctx.scratch<Bfloat16>(first_scratch + 1, 2 * sets_ * op.open * depth())) {
    for (int half = 0; half < 2; ++half)
      for (std::int64_t set = 0; set < sets_; ++set)
        split_rows(ctx, (half == 0 ? op.rows : op.columns).row(set), op.open, width_, SplitOrder::kHighLowHigh, keys_of(half, set));
  }

  // Splits both halves of the queries of `tokens` tokens, for half().
  void take(Context& ctx, std::int64_t first, std::int64_t tokens) const {
    split_rows(ctx, op_.query.row(first), tokens * op_.query.shape[1] * 2, width_, SplitOrder::kHighHighLow, queries_);
  }

  // As score_half(), of the queries that were taken last.
  void half(Context& ctx, int half, std::int64_t tokens, float* scores, std::int64_t stride) const {
    const std::int64_t open = op_.open, together = op_.query.shape[1] / sets_;  // heads that share a set
    for (std::int64_t set = 0; set < sets_; ++set)
      cuda_gemm(ctx, {queries_ + (2 * set + half) * depth(), tokens * together, depth(), sets_ * 2 * depth()}, Transpose::kNo,
                {keys_of(half, set), open, depth(), depth()}, Transpose::kYes, 0,
                {scores + set * stride, tokens * together, open, sets_ * stride});
  }

 private:
  std::int64_t depth() const { return 3 * width_; }
  Bfloat16* keys_of(int half, std::int64_t set) const { return keys_ + (half * sets_ + set) * op_.open * depth(); }

  const ProductKeyTopK& op_;
  std::int64_t width_, sets_;
  Bfloat16 *queries_, *keys_;
};

}  // namespace peer::ops::cuda
