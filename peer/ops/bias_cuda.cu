#include "peer/ops/column_sums.cuh"
#include "peer/ops/cuda_twins.h"

namespace peer::ops::cuda {

void bias(Context& ctx, const Bias& op) {
  const std::int64_t width = op.y.shape[1];
  for_each_element(ctx, op.y.size(), [=] __device__(std::int64_t i) { op.y.data[i] += op.bias.data[i % width]; });
}

namespace {

template <int kNumbers>
void add_row_sum(Context& ctx, const BiasBackward& op) {
  const std::int64_t width = op.dy.shape[1];
  column_sums<1, kNumbers>(
      ctx, 0, op.dy.shape[0], width,
      [=] __device__(std::int64_t n, std::int64_t c, ColumnSums<1, kNumbers> & sum) {
        const auto dy = load_numbers<kNumbers>(op.dy.data + n * width + c);
        for (int i = 0; i < kNumbers; ++i) sum[0][i] += static_cast<double>(dy.x[i]);
      },
      [=] __device__(std::int64_t c, const double* sum) { op.dbias[c] += static_cast<float>(sum[0]); });
}

}  // namespace

void bias_backward(Context& ctx, const BiasBackward& op) {
  with_lane_numbers(op.dy.shape[1], {op.dy.data}, [&]<int kNumbers>() { add_row_sum<kNumbers>(ctx, op); });
}

}  // namespace peer::ops::cuda
