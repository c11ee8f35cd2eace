#include "peer/ops/product_key_topk.h"

#include "peer/base/require.h"
#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/device_dispatch.h"
#include "peer/ops/index_check.h"

namespace peer::ops {
namespace {

constexpr std::int64_t kMostSubkeys = 65536;  // two sub-key numbers share the 32 bits of a pick's tie rule

bool fits(View<const float, 3> keys, View<const float, 4> query) {
  const std::int64_t sets = keys.shape[0];
  return (sets == 1 || sets == query.shape[1]) && keys.shape[2] == query.shape[3];
}

}  // namespace

void product_key_topk(Context& ctx, const ProductKeyTopK& op) {
  const std::int64_t tokens = op.query.shape[0], heads = op.query.shape[1], k = op.row.shape[2];
  require(op.query.shape[2] == 2, "product_key_topk: query must be (N, H, 2, d_half)");
  require(fits(op.rows, op.query) && op.columns.shape == op.rows.shape, "product_key_topk: rows and columns must be (1 or H, n, d_half)");
  require(op.rows.shape[1] <= kMostSubkeys, "product_key_topk: n must be at most 65536");
  require(1 <= k && k <= op.open && op.open <= op.rows.shape[1], "product_key_topk: 1 <= K <= open <= n must hold");
  require(op.row.shape[0] == tokens && op.row.shape[1] == heads, "product_key_topk: row must be (N, H, K)");
  require(op.column.shape == op.row.shape && op.score.shape == op.row.shape, "product_key_topk: column and score must be (N, H, K)");
  dispatch<&CpuTwins::product_key_topk, cuda::product_key_topk>(ctx, "product_key_topk", op);
}

void product_key_topk_backward(Context& ctx, const ProductKeyTopKBackward& op) {
  require(op.query.shape[2] == 2 && op.dquery.shape == op.query.shape,
          "product_key_topk_backward: query and dquery must be (N, H, 2, d_half)");
  require(fits(op.rows, op.query) && op.columns.shape == op.rows.shape,
          "product_key_topk_backward: rows and columns must be (1 or H, n, d_half)");
  require(op.row.shape[0] == op.query.shape[0] && op.row.shape[1] == op.query.shape[1] && op.column.shape == op.row.shape &&
              op.dscore.shape == op.row.shape,
          "product_key_topk_backward: row, column and dscore must be (N, H, K)");
  require(op.drows.empty() || op.drows.shape == op.rows.shape, "product_key_topk_backward: drows must be (S, n, d_half)");
  require(op.dcolumns.empty() || op.dcolumns.shape == op.columns.shape, "product_key_topk_backward: dcolumns must be (S, n, d_half)");
  require_below(ctx, op.row, op.rows.shape[1], "product_key_topk_backward: every row must be in [0, n)");
  require_below(ctx, op.column, op.columns.shape[1], "product_key_topk_backward: every column must be in [0, n)");
  dispatch<&CpuTwins::product_key_topk_backward, cuda::product_key_topk_backward>(ctx, "product_key_topk_backward", op);
}

}  // namespace peer::ops
