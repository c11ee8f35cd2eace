#include <cmath>
#include <limits>

#include "peer/base/require.h"
#include "peer/ops/cuda_twins.h"
#include "peer/ops/head_vector.cuh"
#include "peer/ops/vector_math.h"

namespace peer::ops::cuda {
namespace {

// Query number i = (b, h, t) in the layout of lse.
struct Query {
  std::int64_t b, h, t;
  __device__ Query(std::int64_t i, std::int64_t heads, std::int64_t time) : b(i / time / heads), h(i / time % heads), t(i % time) {}
};

}  // namespace

// A warp takes a query and walks its keys once.
void attention(Context& ctx, const Attention& op) {
  const std::int64_t batch = op.q.shape[0], time = op.q.shape[1], heads = op.q.shape[2], width = op.q.shape[3];
  require(width <= kWidest, "attention: the width of a head must be at most 256 on CUDA");
  const std::int64_t group = heads / op.k.shape[2];
  const float scale = scale_of(width);
  for_each_warp(ctx, batch * heads * time, [=] __device__(std::int64_t i, int lane) {
    const Query at(i, heads, time);
    const Spread q = load(vector_at(op.q, at.b, at.t, at.h), width, lane);
    OnlineSoftmax softmax;
    for (std::int64_t s = 0; s <= at.t; ++s)
      softmax.add(scale * dot(q, load(vector_at(op.k, at.b, s, at.h / group), width, lane)),
                  load(vector_at(op.v, at.b, s, at.h / group), width, lane));
    store(softmax.y, 1.0f / softmax.sum, vector_at(op.y, at.b, at.t, at.h), width, lane);
    if (lane == 0) op.lse.data[i] = softmax.largest + std::log(softmax.sum);
  });
}

// With p = exp(scale <q, k> - lse) and dscore = scale p (<dy, v> - <dy, y>):
//   dq[t] = sum_s dscore k[s];   dk[s] = sum_t dscore q[t],  dv[s] = sum_t p dy[t] over the queries of the key's group, head by head.
// A warp takes a query, then a warp takes a key: nothing is added by two of them, and no tile of scores is stored.
void attention_backward(Context& ctx, const AttentionBackward& op) {
  const std::int64_t batch = op.q.shape[0], time = op.q.shape[1], heads = op.q.shape[2], width = op.q.shape[3], key_heads = op.k.shape[2];
  require(width <= kWidest, "attention_backward: the width of a head must be at most 256 on CUDA");
  const std::int64_t group = heads / key_heads;
  const float scale = scale_of(width);
  float* dy_y = ctx.scratch<float>(0, batch * heads * time);  // <dy, y>, as lse

  for_each_warp(ctx, batch * heads * time, [=] __device__(std::int64_t i, int lane) {
    const Query at(i, heads, time);
    const Spread q = load(vector_at(op.q, at.b, at.t, at.h), width, lane), dy = load(vector_at(op.dy, at.b, at.t, at.h), width, lane);
    const float along_y = dot(dy, load(vector_at(op.y, at.b, at.t, at.h), width, lane)), lse = op.lse.data[i];
    if (lane == 0) dy_y[i] = along_y;
    Spread dq;
    for (std::int64_t s = 0; s <= at.t; ++s) {
      const Spread k = load(vector_at(op.k, at.b, s, at.h / group), width, lane);
      const float p = polynomial_exp(scale * dot(q, k) - lse);
      const float dp = dot(dy, load(vector_at(op.v, at.b, s, at.h / group), width, lane));
      blend(dq, 1, scale * p * (dp - along_y), k);
    }
    store(dq, 1, vector_at(op.dq, at.b, at.t, at.h), width, lane);
  });

  for_each_warp(ctx, batch * key_heads * time, [=] __device__(std::int64_t i, int lane) {
    const Query key(i, key_heads, time);
    const Spread k = load(vector_at(op.k, key.b, key.t, key.h), width, lane), v = load(vector_at(op.v, key.b, key.t, key.h), width, lane);
    Spread dk, dv;
    for (std::int64_t h = key.h * group; h < (key.h + 1) * group; ++h)
      for (std::int64_t t = key.t; t < time; ++t) {
        const std::int64_t query = (key.b * heads + h) * time + t;
        const Spread q = load(vector_at(op.q, key.b, t, h), width, lane), dy = load(vector_at(op.dy, key.b, t, h), width, lane);
        const float p = polynomial_exp(scale * dot(q, k) - op.lse.data[query]);
        blend(dk, 1, scale * p * (dot(dy, v) - dy_y[query]), q);
        blend(dv, 1, p, dy);
      }
    store(dk, 1, vector_at(op.dk, key.b, key.t, key.h), width, lane);
    store(dv, 1, vector_at(op.dv, key.b, key.t, key.h), width, lane);
  });
}

}  // namespace peer::ops::cuda
