#pragma once

#include <cstdint>

#include "peer/base/view.h"
#include "peer/device/context.h"

namespace peer::ops {

// The exact top K of an n x n product-key grid, for every token and head:             (Lample et al. 2019; He 2024, eq. 4-6)
//   s1[i] = <q[.,.,0,:], rows[i]>,  s2[j] = <q[.,.,1,:], columns[j]>,  s(i, j) = s1[i] + s2[j]
// The top K of each half, then the top K of their candidate sums: of the K*K only those with (a+1)(b+1) <= K can win.
// Picks come out in falling score. Ties go to the lower row sub-key, then the lower column sub-key, so the picks are a function of the
// scores alone. The workspace is the scores of chunks of tokens, and on the CPU
// the open sub-keys packed.
// Requires: K <= open <= n <= 65536; NaN scores are picked last.
struct ProductKeyTopK {
  View<const float, 4> query;    // (N, H, 2, d_half)
  View<const float, 3> rows;     // (S, n, d_half)  sub-keys of the first half; S = 1: shared by the heads, S = H: one set a head
  View<const float, 3> columns;  // (S, n, d_half)  sub-keys of the second half
  std::int64_t open = 0;         // only sub-keys < open compete; the others were added and are still dormant
  View<std::int32_t, 3> row;     // (N, H, K)  set
  View<std::int32_t, 3> column;  // (N, H, K)  set
  View<float, 3> score;          // (N, H, K)  set
};
inline Work work(const ProductKeyTopK& op) {
  return {.flops = numbers(op.query) * 2 * static_cast<double>(op.open),
          .bytes = view_bytes(op.query, op.rows, op.columns, op.row, op.column, op.score)};
}
void product_key_topk(Context& ctx, const ProductKeyTopK& op);

// dquery[.,.,0] = sum_k dscore rows[row],  drows[row] += sum dscore query[.,.,0]; the same for columns.
// A sub-key's picks are summed by rising slot, in pieces of fixed size: the same bits for any number of threads.
struct ProductKeyTopKBackward {
  View<const float, 4> query;          // (N, H, 2, d_half)
  View<const float, 3> rows;           // (S, n, d_half)
  View<const float, 3> columns;        // (S, n, d_half)
  View<const std::int32_t, 3> row;     // (N, H, K)
  View<const std::int32_t, 3> column;  // (N, H, K)
  View<const float, 3> dscore;         // (N, H, K)
  View<float, 4> dquery;               // (N, H, 2, d_half)  set
  View<float, 3> drows;                // (S, n, d_half)  added; empty: frozen
  View<float, 3> dcolumns;             // (S, n, d_half)  added; empty: frozen
};
inline Work work(const ProductKeyTopKBackward& op) {
  const int trained = !op.drows.empty() + !op.dcolumns.empty();
  return {
      .flops = (2.0 + trained) * static_cast<double>(op.dscore.size() * 2 * op.query.shape[3]),
      .bytes = view_bytes(op.query, op.rows, op.columns, op.row, op.column, op.dscore, op.dquery) + 2 * view_bytes(op.drows, op.dcolumns)};
}
void product_key_topk_backward(Context& ctx, const ProductKeyTopKBackward& op);

}  // namespace peer::ops
