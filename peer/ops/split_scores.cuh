// Scores at the speed of bf16 products and nearly with the accuracy of fp32: a number is the sum of two of bf16, high + low, so that
//   <q, k> = <q_high, k_high> + <q_high, k_low> + <q_low, k_high>   up to 2^-16 |q| |k|,
// which is one product of thrice the depth. (Henry, Tang & Heinecke 2019)
#pragma once

#include "peer/device/bf16_gemm.cuh"
#include "peer/ops/kernel_launch.cuh"
#include "peer/ops/product_key_topk.h"

namespace peer::ops::cuda {

enum class SplitOrder { kHighHighLow, kHighLowHigh };  // of queries, of sub-keys

// to (rows, 3 width) = the parts of x (rows, width) at a stride.
inline void split_rows(Context& ctx, const float* x, std::int64_t rows, std::int64_t width, std::int64_t stride, SplitOrder order,
                       Bfloat16* to) {
  for_each_element(ctx, rows * width, [=] __device__(std::int64_t i) {
    const std::int64_t row = i / width, c = i % width;
    const float number = x[row * stride + c];
    const Bfloat16 high{bfloat16_of(number)}, low{bfloat16_of(number - high)};
    Bfloat16* parts = to + row * 3 * width + c;
    parts[0] = high;
    parts[width] = order == SplitOrder::kHighHighLow ? high : low;
    parts[2 * width] = order == SplitOrder::kHighHighLow ? low : high;
  });
}

class SplitScores {
 public:
  // `first_scratch` and the slot behind it hold the parts of `tokens` tokens' queries and of all sub-keys.
  SplitScores(Context& ctx, const ProductKeyTopK& op, int first_scratch, std::int64_t tokens)
      : op_(op),
        width_(op.query.shape[3]),
        sets_(op.rows.shape[0]),
        queries_(ctx.scratch<Bfloat16>(first_scratch, tokens * op.query.shape[1] * 3 * width_)),
        keys_(ctx.scratch<Bfloat16>(first_scratch + 1, 2 * sets_ * op.open * 3 * width_)) {
    for (int half = 0; half < 2; ++half)
      for (std::int64_t set = 0; set < sets_; ++set)
        split_rows(ctx, (half == 0 ? op.rows : op.columns).row(set), op.open, width_, width_, SplitOrder::kHighLowHigh, keys_of(half, set));
  }

  // As score_half().
  void half(Context& ctx, int half, std::int64_t first, std::int64_t tokens, float* scores) const {
    const std::int64_t heads = op_.query.shape[1], open = op_.open, depth = 3 * width_;
    split_rows(ctx, op_.query.row(first) + half * width_, tokens * heads, width_, 2 * width_, SplitOrder::kHighHighLow, queries_);
    const std::int64_t together = heads / sets_;  // heads that share a set
    for (std::int64_t set = 0; set < sets_; ++set)
      bf16_gemm(ctx, {queries_ + set * depth, tokens * together, depth, sets_ * depth}, Transpose::kNo,
                {keys_of(half, set), open, depth, depth}, Transpose::kYes, 0, {scores + set * open, tokens * together, open, sets_ * open});
  }

 private:
  Bfloat16* keys_of(int half, std::int64_t set) const { return keys_ + (half * sets_ + set) * op_.open * 3 * width_; }

  const ProductKeyTopK& op_;
  std::int64_t width_, sets_;
  Bfloat16 *queries_, *keys_;
};

}  // namespace peer::ops::cuda
