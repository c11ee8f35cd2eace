#include "peer/ops/cpu_twins.h"

namespace peer::ops::cpu {

void axpby(Context& ctx, const Axpby& op) {
  const std::int64_t size = op.x.size();
  const float a = op.a, b = op.b, *x = op.x.data;
  float* y = op.y.data;
  if (b == 0) {
#pragma omp parallel for simd schedule(static) num_threads(ctx.threads())
    for (std::int64_t i = 0; i < size; ++i) y[i] = a * x[i];
  } else {
#pragma omp parallel for simd schedule(static) num_threads(ctx.threads())
    for (std::int64_t i = 0; i < size; ++i) y[i] = a * x[i] + b * y[i];
  }
}

}  // namespace peer::ops::cpu
