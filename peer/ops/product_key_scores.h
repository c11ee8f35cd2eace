#pragma once

#include <cstdint>

#include "peer/device/gemm.h"
#include "peer/ops/product_key_topk.h"

namespace peer::ops {

// scores (tokens, H, open) of one half, at a stride: the queries (tokens, H, d_half) from token `first` on, at a stride of 2*d_half, times
// the open sub-keys.
inline void score_half(Context& ctx, const ProductKeyTopK& op, int half, std::int64_t first, std::int64_t tokens, float* scores,
                       std::int64_t stride) {
  const std::int64_t heads = op.query.shape[1], width = op.query.shape[3], open = op.open;
  const View<const float, 3>& keys = half == 0 ? op.rows : op.columns;
  const float* query = op.query.row(first) + half * width;
  if (keys.shape[0] == 1) {
    gemm(ctx, {query, tokens * heads, width, 2 * width}, Transpose::kNo, {keys.data, open, width, width}, Transpose::kYes, 0,
         {scores, tokens * heads, open, stride});
    return;
  }
  for (std::int64_t h = 0; h < heads; ++h)
    gemm(ctx, {query + h * 2 * width, tokens, width, heads * 2 * width}, Transpose::kNo, {keys.row(h), open, width, width}, Transpose::kYes,
         0, {scores + h * stride, tokens, open, heads * stride});
}

}  // namespace peer::ops
