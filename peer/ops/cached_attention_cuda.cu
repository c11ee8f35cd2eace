#include "peer/base/require.h"
#include "peer/ops/cuda_twins.h"
#include "peer/ops/head_vector.cuh"

namespace peer::ops::cuda {

// A warp takes a query and walks the cache once.
void cached_attention(Context& ctx, const CachedAttention& op) {
  const std::int64_t batch = op.q.shape[0], time = op.q.shape[1], heads = op.q.shape[2], width = op.q.shape[3];
  require(width <= kWidest, "cached_attention: the width of a head must be at most 256 on CUDA");
  const std::int64_t group = heads / op.key.shape[2];
  const float scale = scale_of(width);
  for_each_warp(ctx, batch * time * heads, [=] __device__(std::int64_t i, int lane) {
    const std::int64_t b = i / heads / time, t = i / heads % time, h = i % heads;
    const Spread q = load(op.q.data + i * width, width, lane);
    OnlineSoftmax softmax;
    for (std::int64_t s = 0; s <= op.first_position + t; ++s)
      softmax.add(scale * dot(q, load(vector_at(op.key, b, s, h / group), width, lane)),
                  load(vector_at(op.value, b, s, h / group), width, lane));
    store(softmax.y, 1.0f / softmax.sum, op.y.data + i * width, width, lane);
  });
}

}  // namespace peer::ops::cuda
