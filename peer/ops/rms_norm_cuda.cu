#include <cmath>

#include "peer/ops/block_reduce.cuh"
#include "peer/ops/column_sums.cuh"
#include "peer/ops/cuda_twins.h"

namespace peer::ops::cuda {

void rms_norm(Context& ctx, const RmsNorm& op) {
  const std::int64_t width = op.x.shape[1];
  for_each_block(ctx, op.x.shape[0], [=] __device__(std::int64_t n) {
    const float* x = op.x.row(n);
    float squares = 0;
    for (std::int64_t i = threadIdx.x; i < width; i += kThreads) squares += x[i] * x[i];
    const float r = 1.0f / std::sqrt(block_sum(squares) / static_cast<float>(width) + op.epsilon);
    if (threadIdx.x == 0) op.inverse_rms[n] = r;
    for (std::int64_t i = threadIdx.x; i < width; i += kThreads) op.y.set(n * width + i, x[i] * r * op.weight[i]);
  });
}

namespace {

template <int kNumbers>
void weight_gradient(Context& ctx, const RmsNormBackward& op) {
  const std::int64_t width = op.x.shape[1];
  column_sums<1, kNumbers>(
      ctx, 0, op.x.shape[0], width,
      [=] __device__(std::int64_t n, std::int64_t c, ColumnSums<1, kNumbers> & sum) {
        const auto x = load_numbers<kNumbers>(op.x.data + n * width + c), dy = load_numbers<kNumbers>(op.dy.data + n * width + c);
        for (int i = 0; i < kNumbers; ++i) sum[0][i] += static_cast<double>(op.inverse_rms[n] * x.x[i] * dy.x[i]);
      },
      [=] __device__(std::int64_t c, const double* sum) { op.dweight[c] += static_cast<float>(sum[0]); });
}

}  // namespace

// With r = (mean(x^2) + epsilon)^-1/2:  dx = r weight dy - x r^3 <weight dy, x> / D,   dweight = sum_n r x dy
void rms_norm_backward(Context& ctx, const RmsNormBackward& op) {
  const std::int64_t rows = op.x.shape[0], width = op.x.shape[1];
  for_each_block(ctx, rows, [=] __device__(std::int64_t n) {
    const float *x = op.x.row(n), *dy = op.dy.row(n);
    float* dx = op.dx.row(n);
    float product = 0;
    for (std::int64_t i = threadIdx.x; i < width; i += kThreads) product += op.weight[i] * dy[i] * x[i];
    const float r = op.inverse_rms[n];
    const float along_x = r * r * r * block_sum(product) / static_cast<float>(width);
    for (std::int64_t i = threadIdx.x; i < width; i += kThreads) dx[i] += r * op.weight[i] * dy[i] - along_x * x[i];
  });
  if (!op.dweight.empty()) with_lane_numbers(width, {op.x.data, op.dy.data}, [&]<int kNumbers>() { weight_gradient<kNumbers>(ctx, op); });
}

}  // namespace peer::ops::cuda
