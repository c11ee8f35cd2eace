#include <cmath>
#include <limits>

#include "peer/base/require.h"
#include "peer/ops/attention_tile.cuh"
#include "peer/ops/bf16_attention.h"
#include "peer/ops/cuda_twins.h"
#include "peer/ops/vector_math.h"

namespace peer::ops::cuda {
namespace {

// A block's share: 32 times from `first` on, of one head of one text. Blocks count the tiles of a head, then heads, then texts.
struct Share {
  std::int64_t b, h, first;
  __device__ Share(std::int64_t block, std::int64_t heads, std::int64_t time) {
    const std::int64_t tiles = (time + kTile - 1) / kTile;
    b = block / tiles / heads, h = block / tiles % heads, first = block % tiles * kTile;
  }
};
std::int64_t shares(std::int64_t batch, std::int64_t heads, std::int64_t time) { return batch * heads * blocks_of(time, kTile); }

// The vector of head h at time first + row, null behind the last.
struct TileOf {
  View<const float, 4> x;
  std::int64_t b, h, first;
  __device__ const float* operator()(std::int64_t row) const {
    return first + row < x.shape[1] ? vector_at(x, b, first + row, h) : nullptr;
  }
};

}  // namespace

// A block takes 32 queries and walks their keys 32 at a time; the softmax is kept while its scores are still coming, and what was summed is
// rescaled whenever a larger score turns up (Milakov & Gimelshein 2018; Dao et al. 2022).
void attention(Context& ctx, const Attention& op) {
  if (takes_bf16(ctx, op)) return bf16_attention(ctx, op);
  const std::int64_t batch = op.q.shape[0], time = op.q.shape[1], heads = op.q.shape[2], width = op.q.shape[3];
  require(width <= kWidest, "attention: the width of a head must be at most 256 on CUDA");
  const std::int64_t group = heads / op.k.shape[2];
  const float scale = scale_of(width);
  for_each_block(ctx, shares(batch, heads, time), [=] __device__(std::int64_t block) {
    const Share share(block, heads, time);
    const int lane = threadIdx.x % kWarp;
    const std::int64_t query = share.first + threadIdx.x / kWarp * kRows;  // the warp's first
    Spread y[kRows];
    float largest[kRows], sum[kRows], score[kRows];
    for (int r = 0; r < kRows; ++r) largest[r] = -std::numeric_limits<float>::infinity(), sum[r] = 0;
    for (std::int64_t first = 0; first <= share.first; first += kTile) {
      tile_products(width, TileOf{op.q, share.b, share.h, share.first}, TileOf{op.k, share.b, share.h / group, first}, score);
      TileWeights& weights = warp_weights(0);
      for (int r = 0; r < kRows; ++r) {
        const bool seen = first + lane <= query + r && first + lane < time;
        const float own = seen ? scale * score[r] : -std::numeric_limits<float>::infinity(), before = largest[r];
        largest[r] = warp_max(own > before ? own : before);  // finite: the tile's first key is seen by all of its queries
        const float shrink = polynomial_exp(before - largest[r]), weight = seen ? polynomial_exp(own - largest[r]) : 0.0f;
        sum[r] = shrink * sum[r] + warp_sum(weight);
        blend(y[r], shrink, 0, y[r]);
        weights.of[r][lane] = weight;
      }
      __syncwarp();
      add_weighted(y, weights, width, lane, TileOf{op.v, share.b, share.h / group, first});
      __syncwarp();
    }
    for (int r = 0; r < kRows && query + r < time; ++r) {
      store(y[r], 1.0f / sum[r], vector_at(op.y, share.b, query + r, share.h), width, lane);
      if (lane == 0) op.lse.data[(share.b * heads + share.h) * time + query + r] = largest[r] + std::log(sum[r]);
    }
  });
}

// With p = exp(scale <q, k> - lse) and dscore = scale p (<dy, v> - <dy, y>):
//   dq[t] = sum_s dscore k[s];   dk[s] = sum_t dscore q[t],  dv[s] = sum_t p dy[t] over the queries of the key's group, head by head.
// A block takes 32 queries, then a block takes 32 keys: nothing is added by two of them, and no tile of scores is stored.
void attention_backward(Context& ctx, const AttentionBackward& op) {
  const std::int64_t batch = op.q.shape[0], time = op.q.shape[1], heads = op.q.shape[2], width = op.q.shape[3], key_heads = op.k.shape[2];
  require(width <= kWidest, "attention_backward: the width of a head must be at most 256 on CUDA");
  const std::int64_t group = heads / key_heads;
  const float scale = scale_of(width);
  float* dy_y = ctx.scratch<float>(0, batch * heads * time);  // <dy, y>, as lse
  const View<const float, 3> along_y(dy_y, batch, heads, time);
  const bool in_bf16 = takes_bf16(ctx, op);  // then <dy, v> is of the rounded dy, and so must be what is taken from it
  for_each_warp(ctx, batch * heads * time, [=] __device__(std::int64_t i, int lane) {
    const std::int64_t b = i / time / heads, h = i / time % heads, t = i % time;
    const Spread dy = load(vector_at(op.dy, b, t, h), width, lane);
    const float sum = dot(in_bf16 ? rounded(dy) : dy, load(vector_at(op.y, b, t, h), width, lane));
    if (lane == 0) dy_y[i] = sum;
  });
  if (in_bf16) return bf16_attention_backward(ctx, op, along_y);

  for_each_block(ctx, shares(batch, heads, time), [=] __device__(std::int64_t block) {
    const Share share(block, heads, time);
    const int lane = threadIdx.x % kWarp;
    const std::int64_t query = share.first + threadIdx.x / kWarp * kRows;  // the warp's first
    const float *lse = numbers_of(op.lse, share.b, share.h), *offset = numbers_of(along_y, share.b, share.h);
    Spread dq[kRows];
    float score[kRows], dp[kRows];
    for (std::int64_t first = 0; first <= share.first; first += kTile) {
      const TileOf keys{op.k, share.b, share.h / group, first};
      tile_products(width, TileOf{op.q, share.b, share.h, share.first}, keys, score);
      tile_products(width, TileOf{op.dy, share.b, share.h, share.first}, TileOf{op.v, share.b, share.h / group, first}, dp);
      TileWeights& dscore = warp_weights(0);
      for (int r = 0; r < kRows; ++r) {
        const std::int64_t t = query + r;
        const bool seen = t < time && first + lane <= t;
        dscore.of[r][lane] = seen ? scale * polynomial_exp(scale * score[r] - lse[t]) * (dp[r] - offset[t]) : 0.0f;
      }
      __syncwarp();
      add_weighted(dq, dscore, width, lane, keys);
      __syncwarp();
    }
    for (int r = 0; r < kRows && query + r < time; ++r) store(dq[r], 1, vector_at(op.dq, share.b, query + r, share.h), width, lane);
  });

  for_each_block(ctx, shares(batch, key_heads, time), [=] __device__(std::int64_t block) {
    const Share share(block, key_heads, time);
    const int lane = threadIdx.x % kWarp;
    const std::int64_t key = share.first + threadIdx.x / kWarp * kRows;  // the warp's first
    Spread dk[kRows], dv[kRows];
    float score[kRows], dp[kRows];
    for (std::int64_t h = share.h * group; h < (share.h + 1) * group; ++h) {
      const float *lse = numbers_of(op.lse, share.b, h), *offset = numbers_of(along_y, share.b, h);
      for (std::int64_t first = share.first; first < time; first += kTile) {
        const TileOf queries{op.q, share.b, h, first}, dys{op.dy, share.b, h, first};
        tile_products(width, TileOf{op.k, share.b, share.h, share.first}, queries, score);
        tile_products(width, TileOf{op.v, share.b, share.h, share.first}, dys, dp);
        TileWeights &p = warp_weights(0), &dscore = warp_weights(1);
        const std::int64_t t = first + lane;
        for (int r = 0; r < kRows; ++r) {
          const bool seen = t < time && key + r <= t;
          p.of[r][lane] = seen ? polynomial_exp(scale * score[r] - lse[t]) : 0.0f;
          dscore.of[r][lane] = seen ? scale * p.of[r][lane] * (dp[r] - offset[t]) : 0.0f;
        }
        __syncwarp();
        add_weighted(dv, p, width, lane, dys);
        add_weighted(dk, dscore, width, lane, queries);
        __syncwarp();
      }
    }
    for (int r = 0; r < kRows && key + r < time; ++r) {
      store(dk[r], 1, vector_at(op.dk, share.b, key + r, share.h), width, lane);
      store(dv[r], 1, vector_at(op.dv, share.b, key + r, share.h), width, lane);
    }
  });
}

}  // namespace peer::ops::cuda
