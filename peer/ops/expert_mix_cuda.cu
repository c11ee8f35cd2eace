#include <type_traits>

#include "peer/ops/block_reduce.cuh"
#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/row_pack.cuh"

namespace peer::ops::cuda {
namespace {

// <x, row> by the calling warp.
template <bool kWhole, class Number>
__device__ float warp_dot(const float* x, const Number* row, std::int64_t width) {
  float sum = 0;
#pragma unroll 4
  for (std::int64_t i = threadIdx.x % kWarp * kPack; i < width; i += kWarp * kPack)
    sum += dot(load_pack<kWhole>(x + i, width - i), load_pack<kWhole>(row + i, width - i));
  return warp_sum(sum);
}

// y += sum_r weight[r] row_at(r), r < picks, for `packs` packs of columns from `first` on, by the calling block. A thread takes a pack of
// every second, third, ... row, so that a few columns keep all threads busy too, and their sums are added in order.
template <bool kWhole, class RowAt>
__device__ void block_add_rows(float* y, std::int64_t width, int first, int packs, std::int64_t picks, const float* weight, RowAt row_at) {
  __shared__ Pack of_thread[kThreads];
  const int across = packs < kThreads ? packs : kThreads, shares = kThreads / across, share = threadIdx.x / across;
  for (int begin = first; begin < first + packs; begin += across) {
    const std::int64_t i = static_cast<std::int64_t>(begin + threadIdx.x % across) * kPack, left = width - i;
    Pack sum{};
    if (share < shares && left > 0) {
#pragma unroll 4
      for (std::int64_t r = share; r < picks; r += shares) add_scaled(sum, weight[r], load_pack<kWhole>(row_at(r) + i, left));
    }
    of_thread[threadIdx.x] = sum;
    __syncthreads();
    if (share == 0 && left > 0) {
      for (int other = 1; other < shares; ++other) add_scaled(sum, 1, of_thread[other * across + threadIdx.x]);
      add_scaled(sum, 1, load_pack<kWhole>(y + i, left));
      store_pack<kWhole>(sum.x, y + i, left);
    }
    __syncthreads();  // the next columns are written where these were read
  }
}

// A pick's part by a warp, and a token's columns, when all of its picks are done, by a block.
template <class Number, bool kWhole>
struct Forward {
  ExpertMix op;
  float* weights;  // (N, R)

  __device__ void take_pick(std::int64_t n, std::int64_t r) const {
    const std::int64_t id = op.id.row(n)[r];
    device_require(id >= 0 && id < op.rows.count);
    if constexpr (kWhole) require_aligned(op.rows.record(id));
    const float hidden = warp_dot<kWhole>(op.x.row(n), op.rows.down<Number>(id), op.rows.width);
    if (threadIdx.x % kWarp > 0) return;
    op.hidden.row(n)[r] = hidden;
    weights[n * op.id.shape[1] + r] = op.gate.row(n)[r] * activate(op.activation, hidden);
  }
  __device__ void add_columns(std::int64_t n, int first, int packs) const {
    const std::int64_t* id = op.id.row(n);
    block_add_rows<kWhole>(op.y.row(n), op.rows.width, first, packs, op.id.shape[1], weights + n * op.id.shape[1],
                           [&](std::int64_t r) { return op.rows.up<Number>(id[r]); });
  }
};

template <class Number, bool kWhole>
struct Backward {
  ExpertMixBackward op;

  __device__ void take_pick(std::int64_t n, std::int64_t r) const {
    const std::int64_t id = op.id.row(n)[r];
    device_require(id >= 0 && id < op.rows.count);
    if constexpr (kWhole) require_aligned(op.rows.record(id));
    const float u = warp_dot<kWhole>(op.dy.row(n), op.rows.up<Number>(id), op.rows.width);
    if (threadIdx.x % kWarp > 0) return;
    const float gate = op.gate.row(n)[r], hidden = op.hidden.row(n)[r], activation = activate(op.activation, hidden);
    op.dgate.row(n)[r] = activation * u;
    op.dhidden.row(n)[r] = gate * activate_derivative(op.activation, hidden) * u;
    op.up_weight.row(n)[r] = gate * activation;
  }
  __device__ void add_columns(std::int64_t n, int first, int packs) const {
    const std::int64_t* id = op.id.row(n);
    block_add_rows<kWhole>(op.dx.row(n), op.rows.width, first, packs, op.id.shape[1], op.dhidden.row(n),
                           [&](std::int64_t r) { return op.rows.down<Number>(id[r]); });
  }
};

// Enough tokens for every multiprocessor to hold several: a block takes a token. Of fewer, first a warp takes each pick, then a block each
// tile of a token's columns.
constexpr std::int64_t kManyTokens = 1024;
constexpr int kTilePacks = 32;

template <class Pass>
void run(Context& ctx, const Pass& pass, std::int64_t tokens, std::int64_t picks, std::int64_t width) {
  const int packs = static_cast<int>((width + kPack - 1) / kPack), tiles = (packs + kTilePacks - 1) / kTilePacks;
  if (tokens >= kManyTokens) {
    for_each_block(ctx, tokens, [=] __device__(std::int64_t n) {
      for (std::int64_t r = threadIdx.x / kWarp; r < picks; r += kWarps) pass.take_pick(n, r);
      __syncthreads();
      pass.add_columns(n, 0, packs);
    });
    return;
  }
  for_each_warp(ctx, tokens * picks, [=] __device__(std::int64_t i, int) { pass.take_pick(i / picks, i % picks); });
  for_each_block(ctx, tokens * tiles, [=] __device__(std::int64_t b) {
    const int first = static_cast<int>(b % tiles) * kTilePacks;
    pass.add_columns(b / tiles, first, packs - first < kTilePacks ? packs - first : kTilePacks);
  });
}

// call(number, whole packs or not)
template <class Call>
void with_rows_of(const ExpertRows& rows, Call call) {
  with_number_of(rows, [&](auto number) {
    if (whole_packs(rows.width))
      call(number, std::true_type());
    else
      call(number, std::false_type());
  });
}

}  // namespace

void expert_mix(Context& ctx, const ExpertMix& op) {
  const std::int64_t tokens = op.id.shape[0], picks = op.id.shape[1];
  float* weights = ctx.scratch<float>(0, tokens * picks);
  with_rows_of(op.rows, [&](auto number, auto whole) {
    run(ctx, Forward<decltype(number), decltype(whole)::value>{op, weights}, tokens, picks, op.rows.width);
  });
}

void expert_mix_backward(Context& ctx, const ExpertMixBackward& op) {
  with_rows_of(op.rows, [&](auto number, auto whole) {
    run(ctx, Backward<decltype(number), decltype(whole)::value>{op}, op.id.shape[0], op.id.shape[1], op.rows.width);
  });
}

}  // namespace peer::ops::cuda
