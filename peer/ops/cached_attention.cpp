#include "peer/ops/cached_attention.h"

#include "peer/base/require.h"
#include "peer/ops/cuda_twins.h"
#include "peer/ops/device_dispatch.h"

namespace peer::ops {

void cached_attention(Context& ctx, const CachedAttention& op) {
  const auto& q = op.q.shape;
  const auto& key = op.key.shape;
  require(q[0] == key[0] && q[3] == key[3], "cached_attention: q and key must have the same B and d");
  require(key[2] > 0 && q[2] % key[2] == 0, "cached_attention: the query heads must be a multiple of the key heads");
  require(op.value.shape == key, "cached_attention: key and value must have the same shape");
  require(op.y.shape == q, "cached_attention: q and y must have the same shape");
  require(op.first_position >= 0 && op.first_position + q[1] <= key[1], "cached_attention: the tokens must lie within the cache");
  ctx.count_flops(work(op).flops);
  dispatch<&CpuTwins::cached_attention, cuda::cached_attention>(ctx, "cached_attention", op);
}

}  // namespace peer::ops
