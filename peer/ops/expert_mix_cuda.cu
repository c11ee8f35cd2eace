#include <type_traits>

#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/expert_mix_token.cuh"

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

// Both directions multiply a token's vector by one row of each of its experts, and add the other row times a weight that follows from the
// product to a sum: x by down and up to y forward, dy by up and down to dx backward.
template <class RowNumber>
struct Forward {
  using Number = RowNumber;
  static constexpr int kMultiplied = 0;  // the row: 0 down, 1 up
  ExpertMix op;
  float* weights;  // (N, R)  where rows are added by a kernel that did not multiply them; else null

  __device__ const float* vector(std::int64_t n) const { return op.x.row(n); }
  __device__ float* sum(std::int64_t n) const { return op.y.row(n); }
  __device__ const float* weights_of(std::int64_t n) const { return weights + n * op.id.shape[1]; }

  __device__ float scale(std::int64_t slot) const { return op.gate.data[slot]; }
  __device__ float weight(float scale, float hidden) const { return scale * activate(op.activation, hidden); }
  __device__ void keep(std::int64_t slot, float hidden, float weight) const {
    op.hidden.data[slot] = hidden;
    if (weights != nullptr) weights[slot] = weight;
  }
};

template <class RowNumber>
struct Backward {
  using Number = RowNumber;
  static constexpr int kMultiplied = 1;
  ExpertMixBackward op;

  __device__ const float* vector(std::int64_t n) const { return op.dy.row(n); }
  __device__ float* sum(std::int64_t n) const { return op.dx.row(n); }
  __device__ const float* weights_of(std::int64_t n) const { return op.dhidden.row(n); }

  __device__ float scale(std::int64_t slot) const { return op.gate.data[slot] * activate_derivative(op.activation, op.hidden.data[slot]); }
  __device__ float weight(float scale, float u) const { return scale * u; }
  __device__ void keep(std::int64_t slot, float u, float dhidden) const {
    const float activation = activate(op.activation, op.hidden.data[slot]);
    op.dgate.data[slot] = activation * u;
    op.dhidden.data[slot] = dhidden;
    op.up_weight.data[slot] = op.gate.data[slot] * activation;
  }
};

// A pick by the calling warp.
template <bool kWhole, class Pass>
__device__ void take_pick(const Pass& pass, std::int64_t slot) {
  const std::int64_t n = slot / pass.op.id.shape[1];
  const auto* record = record_of_pick<kWhole>(pass, slot);
  const float product = warp_dot<kWhole>(pass.vector(n), record + Pass::kMultiplied * pass.op.rows.width, pass.op.rows.width);
  if (threadIdx.x % kWarp == 0) pass.keep(slot, product, pass.weight(pass.scale(slot), product));
}

// Columns of a token, all of whose picks were taken, by the calling block.
template <bool kWhole, class Pass>
__device__ void add_columns(const Pass& pass, std::int64_t n, int first, int packs) {
  block_add_rows<kWhole>(pass.sum(n), pass.op.rows.width, first, packs, pass.op.id.shape[1], pass.weights_of(n), [&](std::int64_t r) {
    return pass.op.rows.template nearest_parameters<typename Pass::Number>(pass.op.id.row(n)[r]) +
           (1 - Pass::kMultiplied) * pass.op.rows.width;
  });
}

// A block takes a token, reading its records twice: a warp each for the products, and a thread each column.
template <bool kWhole, class Pass>
void take_tokens(Context& ctx, const Pass& pass, std::int64_t tokens, int packs) {
  for_each_block(ctx, tokens, [=] __device__(std::int64_t n) {
    for (std::int64_t r = threadIdx.x / kWarp; r < pass.op.id.shape[1]; r += kWarps) take_pick<kWhole>(pass, n * pass.op.id.shape[1] + r);
    __syncthreads();
    add_columns<kWhole>(pass, n, 0, packs);
  });
}

// First a warp takes each pick, then a block each tile of a token's columns.
template <bool kWhole, class Pass>
void take_few_tokens(Context& ctx, const Pass& pass, std::int64_t tokens, int packs) {
  constexpr int kTilePacks = 32;
  const std::int64_t picks = pass.op.id.shape[1], tiles = blocks_of(packs, kTilePacks);
  for_each_warp(ctx, tokens * picks, [=] __device__(std::int64_t i, int) { take_pick<kWhole>(pass, i); });
  for_each_block(ctx, tokens * tiles, [=] __device__(std::int64_t b) {
    const int first = static_cast<int>(b % tiles) * kTilePacks;
    add_columns<kWhole>(pass, b / tiles, first, packs - first < kTilePacks ? packs - first : kTilePacks);
  });
}

// A block takes a token, reading its records once.
template <int kPacks, class Pass>
void take_tokens_at_once(Context& ctx, const Pass& pass, std::int64_t tokens) {
  for_each_block(ctx, tokens, [=] __device__(std::int64_t n) { take_token<kPacks>(pass, n); });
}

// Enough tokens for every multiprocessor to hold several.
constexpr std::int64_t kManyTokens = 1024;

template <class Op>
bool at_once(const Op& op) {
  return op.id.shape[0] >= kManyTokens && op.id.shape[1] <= kMostPicks && op.rows.width % kLanePack == 0 && op.rows.width <= kMostWidth;
}

template <class Pass>
void run(Context& ctx, const Pass& pass) {
  const std::int64_t tokens = pass.op.id.shape[0], width = pass.op.rows.width;
  if (at_once(pass.op)) switch (width / kLanePack) {
      case 1:
        return take_tokens_at_once<1>(ctx, pass, tokens);
      case 2:
        return take_tokens_at_once<2>(ctx, pass, tokens);
      case 3:
        return take_tokens_at_once<3>(ctx, pass, tokens);
      case 4:
        return take_tokens_at_once<4>(ctx, pass, tokens);
    }
  const int packs = static_cast<int>(blocks_of(width, kPack));
  const auto take = [&](auto whole) {
    if (tokens >= kManyTokens) return take_tokens<decltype(whole)::value>(ctx, pass, tokens, packs);
    take_few_tokens<decltype(whole)::value>(ctx, pass, tokens, packs);
  };
  if (whole_packs(width))
    take(std::true_type());
  else
    take(std::false_type());
}

}  // namespace

void expert_mix(Context& ctx, const ExpertMix& op) {
  float* weights = at_once(op) ? nullptr : ctx.scratch<float>(0, op.id.size());
  with_number_of(op.rows, [&](auto number) { run(ctx, Forward<decltype(number)>{op, weights}); });
}

void expert_mix_backward(Context& ctx, const ExpertMixBackward& op) {
  with_number_of(op.rows, [&](auto number) { run(ctx, Backward<decltype(number)>{op}); });
}

}  // namespace peer::ops::cuda
