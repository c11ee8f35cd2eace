#include <cmath>

#include "peer/ops/bf16_attention.h"
#include "peer/ops/bf16_tile.cuh"

// The formulas stand in attention_cuda.cu. A block takes 64 queries, then a block takes 64 keys: nothing is added by two of them.
namespace peer::ops::cuda {
namespace {

// How many others (keys for queries, queries for keys) a warp holds the scores of at a time: as many as leave room for its sums.
constexpr int strip_of(int width) { return width <= 32 ? 32 : 16; }
constexpr int resident_of(int width) { return width <= 32 ? 4 : width <= 64 ? 3 : 2; }  // blocks at a time

template <int kWidth>
__global__ void __launch_bounds__(kTileThreads, resident_of(kWidth))
    bf16_query_gradient_kernel(AttentionBackward op, View<const float, 3> dy_y, float scale) {
  constexpr int kStrip = strip_of(kWidth);
  const QueryShare own(op.q, op.k);
  __shared__ Bf16Tile<kTileRows, kWidth> keys, values;
  load_tile(keys, HeadRows(op.q, own.b, own.first, own.h));
  load_tile(values, HeadRows(op.dy, own.b, own.first, own.h));
  __syncthreads();
  const HeldRows<kWidth> queries(keys, own.row), dys(values, own.row);
  float log2_lse[2] = {}, along_y[2] = {};
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int t = own.query + SumPlace{0, 2 * half}.row();
    if (t < op.q.shape[1]) log2_lse[half] = kLog2E * numbers_of(op.lse, own.b, own.h)[t], along_y[half] = numbers_of(dy_y, own.b, own.h)[t];
  }
  WarpSums<kWidth> dq;
  for (int key = 0; key <= own.first; key += kTileRows) {
    __syncthreads();  // all have read the tiles that are loaded next
    load_tile(keys, HeadRows(op.k, own.b, key, own.key_head));
    load_tile(values, HeadRows(op.v, own.b, key, own.key_head));
    __syncthreads();
#pragma unroll 1  // one strip after another: two at a time would need the registers of both
    for (int strip = 0; strip < kTileRows; strip += kStrip) {
      const int seen = own.query - key - strip;  // the strip's last column that the warp's first row sees
      if (seen + kMatrixSide <= 0) break;
      WarpSums<kStrip> score = dots<kStrip>(queries, keys, strip), dscore = dots<kStrip>(dys, values, strip);
      for_each_sum<kStrip>([&](SumPlace at) {
        const float p = exp2f(kLog2E * scale * score[at] - log2_lse[at.half()]);
        dscore[at] = at.column() <= seen + at.row() ? p * (dscore[at] - along_y[at.half()]) : 0.0f;
      });
      add_weighted(dq, dscore, keys, strip);
    }
  }
  store_rows(dq, {scale, scale}, op.dq, own.b, own.query, own.h);
}

template <int kWidth>
__global__ void __launch_bounds__(kTileThreads, resident_of(kWidth))
    bf16_key_gradient_kernel(AttentionBackward op, View<const float, 3> dy_y, float scale) {
  // Queries at a time: as many as 48 KiB hold beside the block's own keys and values.
  constexpr int kQueries = kWidth <= 64 ? 64 : kWidth <= 96 ? 32 : 16, kStrip = strip_of(kWidth);
  const int batch = static_cast<int>(op.k.shape[0]), time = static_cast<int>(op.k.shape[1]), key_heads = static_cast<int>(op.k.shape[2]);
  const int block = blockIdx.x, b = block / key_heads % batch, key_head = block % key_heads,
            group = static_cast<int>(op.q.shape[2]) / key_heads;
  // The earliest keys, which the most queries see, begin first.
  const int first = block / key_heads / batch * kTileRows, row = threadIdx.x / kWarp * kMatrixSide, key = first + row;

  __shared__ Bf16Tile<kTileRows, kWidth> keys, values;
  __shared__ Bf16Tile<kQueries, kWidth> queries, dys;
  __shared__ float log2_lse[kQueries], along_y[kQueries];
  load_tile(keys, HeadRows(op.k, b, first, key_head));
  load_tile(values, HeadRows(op.v, b, first, key_head));
  const TileRowsAt<kTileRows, kWidth> own_keys{keys, row}, own_values{values, row};
  WarpSums<kWidth> dk, dv;
  for (int h = key_head * group; h < (key_head + 1) * group; ++h)
    for (int query = first; query < time; query += kQueries) {
      __syncthreads();  // all have read the tiles that are loaded next
      load_tile(queries, HeadRows(op.q, b, query, h));
      load_tile(dys, HeadRows(op.dy, b, query, h));
      if (threadIdx.x < kQueries) {
        const int t = query + static_cast<int>(threadIdx.x);  // the rows of a query that is not there are zeros, and so is what they add
        log2_lse[threadIdx.x] = t < time ? kLog2E * numbers_of(op.lse, b, h)[t] : 0.0f;
        along_y[threadIdx.x] = t < time ? numbers_of(dy_y, b, h)[t] : 0.0f;
      }
      __syncthreads();
#pragma unroll 1  // one strip after another: two at a time would need the registers of both
      for (int strip = 0; strip < kQueries; strip += kStrip) {
        const int seen = key - query - strip;  // the strip's first column that sees the warp's first row
        if (seen >= kStrip) continue;
        WarpSums<kStrip> p = dots<kStrip>(own_keys, queries, strip), dscore = dots<kStrip>(own_values, dys, strip);
        for_each_sum<kStrip>([&](SumPlace at) {
          const int column = strip + at.column();
          const bool sees = at.column() >= seen + at.row();
          p[at] = sees ? exp2f(kLog2E * scale * p[at] - log2_lse[column]) : 0.0f;
          dscore[at] = sees ? p[at] * (dscore[at] - along_y[column]) : 0.0f;
        });
        add_weighted(dv, p, dys, strip);
        add_weighted(dk, dscore, queries, strip);
      }
    }
  store_rows(dk, {scale, scale}, op.dk, b, key, key_head);
  store_rows(dv, {1, 1}, op.dv, b, key, key_head);
}

}  // namespace

void bf16_attention_backward(Context& ctx, const AttentionBackward& op, View<const float, 3> dy_y) {
  const std::int64_t batch = op.q.shape[0], width = op.q.shape[3], tiles = batch * tiles_of(op.q.shape[1]);
  for_bf16_width(width, [&](auto kernel_width) {
    const float scale = scale_of(width);
    launch(ctx, "bf16_query_gradient", bf16_query_gradient_kernel<kernel_width>, tiles * op.q.shape[2], kTileThreads, op, dy_y, scale);
    launch(ctx, "bf16_key_gradient", bf16_key_gradient_kernel<kernel_width>, tiles * op.k.shape[2], kTileThreads, op, dy_y, scale);
  });
}

}  // namespace peer::ops::cuda
