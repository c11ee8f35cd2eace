#include "peer/ops/bf16_attention.h"

#include <cmath>
#include <limits>

#include "peer/ops/bf16_tile.cuh"

namespace peer::ops::cuda {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The softmaxes of a lane's two rows while their scores are still coming: what was added is rescaled whenever a larger score turns up
// (Milakov & Gimelshein 2018). `largest` is the row's, `sum` that of the lane's own columns.
struct TwoSoftmaxes {
  float log2_scale;  // of a score, for powers of two
  float largest[2] = {-kInfinity, -kInfinity}, sum[2] = {};

  // Scores become weights, and y shrinks with those before. Among a row's first scores must be a finite one.
  template <int kColumns, int kWidth>
  __device__ void add(WarpSums<kColumns>& score, WarpSums<kWidth>& y) {
    float shrink[2], offset[2];
    const float before[2] = {largest[0], largest[1]};
    for_each_sum<kColumns>([&](SumPlace at) {
      float& most = largest[at.half()];
      most = score[at] > most ? score[at] : most;
    });
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      largest[r] = row_reduce(largest[r], Larger<float>());
      shrink[r] = exp2f(log2_scale * (before[r] - largest[r])), offset[r] = log2_scale * largest[r];
      sum[r] *= shrink[r];
    }
    for_each_sum<kColumns>([&](SumPlace at) { sum[at.half()] += score[at] = exp2f(log2_scale * score[at] - offset[at.half()]); });
    for_each_sum<kWidth>([&](SumPlace at) { y[at] *= shrink[at.half()]; });
  }
};

constexpr int resident_of(int width) { return width <= 32 ? 4 : width <= 96 ? 3 : 2; }  // blocks at a time

// A block takes 64 queries, a warp 16 of them, and walks their keys 64 at a time.
template <int kWidth>
__global__ void __launch_bounds__(kTileThreads, resident_of(kWidth)) bf16_attention_kernel(Attention op, float scale) {
  constexpr int kStrip = kWidth <= 64 ? 64 : 32;  // keys whose scores a warp holds at a time
  const QueryShare own(op.q, op.k);

  __shared__ Bf16Tile<kTileRows, kWidth> keys, values;
  load_tile(keys, HeadRows(op.q, own.b, own.first, own.h));
  __syncthreads();
  const HeldRows<kWidth> queries(keys, own.row);
  WarpSums<kWidth> y;
  TwoSoftmaxes softmax{scale * kLog2E};
  for (int key = 0; key <= own.first; key += kTileRows) {
    __syncthreads();  // all have read the tiles that are loaded next
    load_tile(keys, HeadRows(op.k, own.b, key, own.key_head));
    load_tile(values, HeadRows(op.v, own.b, key, own.key_head));
    __syncthreads();
#pragma unroll 1  // one strip after another: two at a time would need the registers of both
    for (int strip = 0; strip < kTileRows; strip += kStrip) {
      const int seen = own.query - key - strip;  // the strip's last column that the warp's first row sees
      if (seen + kMatrixSide <= 0) break;
      WarpSums<kStrip> score = dots<kStrip>(queries, keys, strip);
      if (seen < kStrip - 1)
        for_each_sum<kStrip>([&](SumPlace at) { score[at] = at.column() <= seen + at.row() ? score[at] : -kInfinity; });
      softmax.add(score, y);
      add_weighted(y, score, values, strip);
    }
  }

  float inverse[2];
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const float sum = row_reduce(softmax.sum[r], Plus<float>());
    inverse[r] = 1.0f / sum;
    const SumPlace at{0, 2 * r};
    if (own.query + at.row() < op.q.shape[1] && at.column() == 0)
      numbers_of(op.lse, own.b, own.h)[own.query + at.row()] = scale * softmax.largest[r] + std::log(sum);
  }
  store_rows(y, inverse, op.y, own.b, own.query, own.h);
}

}  // namespace

void bf16_attention(Context& ctx, const Attention& op) {
  const std::int64_t batch = op.q.shape[0], heads = op.q.shape[2], width = op.q.shape[3], blocks = tiles_of(op.q.shape[1]) * batch * heads;
  for_bf16_width(width, [&](auto kernel_width) {
    launch(ctx, "bf16_attention", bf16_attention_kernel<kernel_width>, blocks, kTileThreads, op, scale_of(width));
  });
}

}  // namespace peer::ops::cuda
