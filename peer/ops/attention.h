#pragma once

#include "peer/base/view.h"
#include "peer/device/context.h"

namespace peer::ops {

// Causal grouped-query attention: y[b,t,h] = sum_{s<=t} softmax_s(<q[b,t,h], k[b,s,g]> / sqrt(d)) v[b,s,g],  g = h / (Hq/Hkv)
// No buffer of T*T elements: the CPU's workspace is a tile's rows of T scores and what belongs to one head, of each thread. Deterministic
// for any number of threads. On the CPU a key or value that is not finite reaches the queries of its tile, earlier ones too. Where ctx's
// precision is bf16, a CPU path that multiplies it and CUDA, there for the widths of peer/ops/bf16_attention.h, round q, k, v, dy, the
// softmax's weights and their gradients where they are multiplied; sums and the softmax are fp32. (Vaswani et al. 2017; Ainslie et al.
// 2023) Requires: Hq a multiple of Hkv.
struct Attention {
  View<const float, 4> q;  // (B, T, Hq, d)
  View<const float, 4> k;  // (B, T, Hkv, d)
  View<const float, 4> v;  // (B, T, Hkv, d)
  View<float, 4> y;        // (B, T, Hq, d)  set
  View<float, 3> lse;      // (B, Hq, T)     set; log-sum-exp of the scaled scores, saved for backward
};
// (b, h, t, s) with s <= t
inline double causal_pairs(View<const float, 4> q) {
  const auto [batch, time, heads, width] = q.shape;
  return 0.5 * static_cast<double>(batch * heads * time) * static_cast<double>(time + 1);
}
inline Work work(const Attention& op) {
  return {.flops = (4 * static_cast<double>(op.q.shape[3]) + 5) * causal_pairs(op.q), .bytes = view_bytes(op.q, op.k, op.v, op.y, op.lse)};
}
void attention(Context& ctx, const Attention& op);

struct AttentionBackward {
  View<const float, 4> q, k, v;  // as in the forward
  View<const float, 4> y;        // (B, T, Hq, d)
  View<const float, 3> lse;      // (B, Hq, T)
  View<const float, 4> dy;       // (B, T, Hq, d)
  View<float, 4> dq;             // (B, T, Hq, d)   set
  View<float, 4> dk;             // (B, T, Hkv, d)  set
  View<float, 4> dv;             // (B, T, Hkv, d)  set
};
inline Work work(const AttentionBackward& op) {
  return {.flops = (10 * static_cast<double>(op.q.shape[3]) + 8) * causal_pairs(op.q),
          .bytes = view_bytes(op.q, op.k, op.v, op.y, op.lse, op.dy, op.dq, op.dk, op.dv)};
}
void attention_backward(Context& ctx, const AttentionBackward& op);

}  // namespace peer::ops
