#include <algorithm>

#include "peer/ops/cpu_twins.h"

namespace peer::ops::cpu {

void bias(Context& ctx, const Bias& op) {
  const auto [rows, width] = op.y.shape;
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t n = 0; n < rows; ++n) {
    const float* bias = op.bias.data;
    float* y = op.y.row(n);
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) y[i] += bias[i];
  }
}

// Each column is summed by one thread from the first row to the last, in double precision: the rows of a batch are thousands.
void bias_backward(Context& ctx, const BiasBackward& op) {
  constexpr std::int64_t kColumns = 64;  // that a thread takes at a time
  const auto [rows, width] = op.dy.shape;
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t first = 0; first < width; first += kColumns) {
    const std::int64_t count = std::min(kColumns, width - first);
    double sum[kColumns] = {};
    for (std::int64_t n = 0; n < rows; ++n) {
      const float* dy = op.dy.row(n) + first;
#pragma omp simd
      for (std::int64_t i = 0; i < count; ++i) sum[i] += static_cast<double>(dy[i]);
    }
    for (std::int64_t i = 0; i < count; ++i) op.dbias[first + i] += static_cast<float>(sum[i]);
  }
}

}  // namespace peer::ops::cpu
