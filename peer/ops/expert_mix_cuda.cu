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

// y += sum_r weight[r] row_at(r), r < picks, by the calling block. A thread takes a pack of columns of every second, third, ... row, so
// that narrow rows keep all threads busy too, and their sums are added in order.
template <bool kWhole, class RowAt>
__device__ void block_add_rows(float* y, std::int64_t width, std::int64_t picks, const float* weight, RowAt row_at) {
  __shared__ Pack of_thread[kThreads];
  const int packs = static_cast<int>((width + kPack - 1) / kPack), across = packs < kThreads ? packs : kThreads, shares = kThreads / across;
  const int share = threadIdx.x / across;
  for (int begin = 0; begin < packs; begin += across) {
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

// A block takes a token: first its warps take the picks in turn, one dot product each, then its threads take the columns.
template <class Number, bool kWhole>
void mix(Context& ctx, const ExpertMix& op) {
  const std::int64_t tokens = op.id.shape[0], picks = op.id.shape[1], width = op.rows.width;
  float* weights = ctx.scratch<float>(0, tokens * picks);
  for_each_block(ctx, tokens, [=] __device__(std::int64_t n) {
    const std::int64_t* id = op.id.row(n);
    float* weight = weights + n * picks;
    for (std::int64_t r = threadIdx.x / kWarp; r < picks; r += kWarps) {
      device_require(id[r] >= 0 && id[r] < op.rows.count);
      if constexpr (kWhole) require_aligned(op.rows.record(id[r]));
      const float hidden = warp_dot<kWhole>(op.x.row(n), op.rows.down<Number>(id[r]), width);
      if (threadIdx.x % kWarp > 0) continue;
      op.hidden.row(n)[r] = hidden;
      weight[r] = op.gate.row(n)[r] * activate(op.activation, hidden);
    }
    __syncthreads();
    block_add_rows<kWhole>(op.y.row(n), width, picks, weight, [&](std::int64_t r) { return op.rows.up<Number>(id[r]); });
  });
}

template <class Number, bool kWhole>
void mix_backward(Context& ctx, const ExpertMixBackward& op) {
  const std::int64_t tokens = op.id.shape[0], picks = op.id.shape[1], width = op.rows.width;
  for_each_block(ctx, tokens, [=] __device__(std::int64_t n) {
    const std::int64_t* id = op.id.row(n);
    for (std::int64_t r = threadIdx.x / kWarp; r < picks; r += kWarps) {
      device_require(id[r] >= 0 && id[r] < op.rows.count);
      if constexpr (kWhole) require_aligned(op.rows.record(id[r]));
      const float u = warp_dot<kWhole>(op.dy.row(n), op.rows.up<Number>(id[r]), width);
      if (threadIdx.x % kWarp > 0) continue;
      const float gate = op.gate.row(n)[r], hidden = op.hidden.row(n)[r], activation = activate(op.activation, hidden);
      op.dgate.row(n)[r] = activation * u;
      op.dhidden.row(n)[r] = gate * activate_derivative(op.activation, hidden) * u;
      op.up_weight.row(n)[r] = gate * activation;
    }
    __syncthreads();
    block_add_rows<kWhole>(op.dx.row(n), width, picks, op.dhidden.row(n), [&](std::int64_t r) { return op.rows.down<Number>(id[r]); });
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
  with_rows_of(op.rows, [&](auto number, auto whole) { mix<decltype(number), decltype(whole)::value>(ctx, op); });
}

void expert_mix_backward(Context& ctx, const ExpertMixBackward& op) {
  with_rows_of(op.rows, [&](auto number, auto whole) { mix_backward<decltype(number), decltype(whole)::value>(ctx, op); });
}

}  // namespace peer::ops::cuda
