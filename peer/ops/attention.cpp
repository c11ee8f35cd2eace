#include "peer/ops/attention.h"

#include <array>

#include "peer/base/require.h"
#include "peer/ops/cuda_twins.h"
#include "peer/ops/device_dispatch.h"

namespace peer::ops {
namespace {

using Shape = std::array<std::int64_t, 4>;

bool shapes_fit(const Shape& q, const Shape& k) { return q[0] == k[0] && q[1] == k[1] && q[3] == k[3]; }
bool heads_fit(const Shape& q, const Shape& k) { return k[2] > 0 && q[2] % k[2] == 0; }
std::array<std::int64_t, 3> lse_shape(const Shape& q) { return {q[0], q[2], q[1]}; }

}  // namespace

void attention(Context& ctx, const Attention& op) {
  require(shapes_fit(op.q.shape, op.k.shape), "attention: q and k must have the same B, T and d");
  require(heads_fit(op.q.shape, op.k.shape), "attention: the query heads must be a multiple of the key heads");
  require(op.v.shape == op.k.shape, "attention: k and v must have the same shape");
  require(op.y.shape == op.q.shape, "attention: q and y must have the same shape");
  require(op.lse.shape == lse_shape(op.q.shape), "attention: lse must be (B, Hq, T)");
  ctx.count_flops(work(op).flops);
  dispatch<&CpuTwins::attention, cuda::attention>(ctx, "attention", op);
}

void attention_backward(Context& ctx, const AttentionBackward& op) {
  require(shapes_fit(op.q.shape, op.k.shape), "attention_backward: q and k must have the same B, T and d");
  require(heads_fit(op.q.shape, op.k.shape), "attention_backward: the query heads must be a multiple of the key heads");
  require(op.v.shape == op.k.shape, "attention_backward: k and v must have the same shape");
  require(op.y.shape == op.q.shape && op.dy.shape == op.q.shape, "attention_backward: q, y and dy must have the same shape");
  require(op.lse.shape == lse_shape(op.q.shape), "attention_backward: lse must be (B, Hq, T)");
  require(op.dq.shape == op.q.shape, "attention_backward: q and dq must have the same shape");
  require(op.dk.shape == op.k.shape && op.dv.shape == op.k.shape, "attention_backward: k, dk and dv must have the same shape");
  ctx.count_flops(work(op).flops);
  dispatch<&CpuTwins::attention_backward, cuda::attention_backward>(ctx, "attention_backward", op);
}

}  // namespace peer::ops
