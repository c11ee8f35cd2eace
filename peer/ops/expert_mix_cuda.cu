#include "peer/ops/block_reduce.cuh"
#include "peer/ops/cuda_expert_twins.h"

namespace peer::ops::cuda {
namespace {

// <x, row> by the calling warp.
template <class Number>
__device__ float warp_dot(const float* x, const Number* row, std::int64_t width) {
  float sum = 0;
  for (std::int64_t i = threadIdx.x % kWarp; i < width; i += kWarp) sum += x[i] * row[i];
  return warp_sum(sum);
}

// y += sum_r weight[r] row_at(r), r < picks, by the calling block: a thread adds its columns in rising r.
template <class RowAt>
__device__ void block_add_rows(float* y, std::int64_t width, std::int64_t picks, const float* weight, RowAt row_at) {
  for (std::int64_t i = threadIdx.x; i < width; i += kThreads) {
    float sum = y[i];
    for (std::int64_t r = 0; r < picks; ++r) sum += weight[r] * row_at(r)[i];
    y[i] = sum;
  }
}

// A block takes a token: first its warps take the picks in turn, one dot product each, then its threads take the columns.
template <class Number>
void mix(Context& ctx, const ExpertMix& op) {
  const std::int64_t tokens = op.id.shape[0], picks = op.id.shape[1], width = op.rows.width;
  float* weights = ctx.scratch<float>(0, tokens * picks);
  for_each_block(ctx, tokens, [=] __device__(std::int64_t n) {
    const std::int64_t* id = op.id.row(n);
    float* weight = weights + n * picks;
    for (std::int64_t r = threadIdx.x / kWarp; r < picks; r += kWarps) {
      device_require(id[r] >= 0 && id[r] < op.rows.count);
      const float hidden = warp_dot(op.x.row(n), op.rows.down<Number>(id[r]), width);
      if (threadIdx.x % kWarp > 0) continue;
      op.hidden.row(n)[r] = hidden;
      weight[r] = op.gate.row(n)[r] * activate(op.activation, hidden);
    }
    __syncthreads();
    block_add_rows(op.y.row(n), width, picks, weight, [&](std::int64_t r) { return op.rows.up<Number>(id[r]); });
  });
}

template <class Number>
void mix_backward(Context& ctx, const ExpertMixBackward& op) {
  const std::int64_t tokens = op.id.shape[0], picks = op.id.shape[1], width = op.rows.width;
  for_each_block(ctx, tokens, [=] __device__(std::int64_t n) {
    const std::int64_t* id = op.id.row(n);
    for (std::int64_t r = threadIdx.x / kWarp; r < picks; r += kWarps) {
      device_require(id[r] >= 0 && id[r] < op.rows.count);
      const float u = warp_dot(op.dy.row(n), op.rows.up<Number>(id[r]), width);
      if (threadIdx.x % kWarp > 0) continue;
      const float gate = op.gate.row(n)[r], hidden = op.hidden.row(n)[r], activation = activate(op.activation, hidden);
      op.dgate.row(n)[r] = activation * u;
      op.dhidden.row(n)[r] = gate * activate_derivative(op.activation, hidden) * u;
      op.up_weight.row(n)[r] = gate * activation;
    }
    __syncthreads();
    block_add_rows(op.dx.row(n), width, picks, op.dhidden.row(n), [&](std::int64_t r) { return op.rows.down<Number>(id[r]); });
  });
}

}  // namespace

void expert_mix(Context& ctx, const ExpertMix& op) {
  with_number_of(op.rows, [&](auto number) { mix<decltype(number)>(ctx, op); });
}

void expert_mix_backward(Context& ctx, const ExpertMixBackward& op) {
  with_number_of(op.rows, [&](auto number) { mix_backward<decltype(number)>(ctx, op); });
}

}  // namespace peer::ops::cuda
