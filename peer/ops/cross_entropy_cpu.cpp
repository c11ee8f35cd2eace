#include <algorithm>
#include <cmath>

#include "peer/base/require.h"
#include "peer/ops/cpu_twins.h"
#include "peer/ops/vector_math.h"

namespace peer::ops::cpu {
namespace {

bool all_below(View<const std::int32_t, 1> target, std::int64_t bound) {
  return std::all_of(target.data, target.data + target.shape[0], [bound](std::int32_t t) { return t < bound; });
}

float largest_of(const float* x, std::int64_t count) {
  float largest = x[0];
#pragma omp simd reduction(max : largest)
  for (std::int64_t i = 1; i < count; ++i) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

}  // namespace

void cross_entropy(Context& ctx, const CrossEntropy& op) {
  const auto [rows, width] = op.logits.shape;
  require(all_below(op.target, width), "cross_entropy: every target must be below the vocabulary's size");
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t n = 0; n < rows; ++n) {
    if (op.target[n] < 0) {
      op.nll[n] = 0;
      continue;
    }
    const float* logits = op.logits.row(n);
    const float largest = largest_of(logits, width);
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < width; ++i) sum += polynomial_exp(logits[i] - largest);
    op.nll[n] = std::log(sum) + (largest - logits[op.target[n]]);
  }
}

void cross_entropy_with_gradient(Context& ctx, const CrossEntropyWithGradient& op) {
  const auto [rows, width] = op.logits.shape;
  require(all_below(op.target, width), "cross_entropy_with_gradient: every target must be below the vocabulary's size");
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t n = 0; n < rows; ++n) {
    float* logits = op.logits.row(n);
    const std::int32_t target = op.target[n];
    if (target < 0) {
      op.nll[n] = 0;
      std::fill_n(logits, width, 0.0f);
      continue;
    }
    const float largest = largest_of(logits, width), below_largest = largest - logits[target];
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < width; ++i) {
      const float e = polynomial_exp(logits[i] - largest);
      logits[i] = e;
      sum += e;
    }
    op.nll[n] = std::log(sum) + below_largest;
    const float weight = op.scale / sum;
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) logits[i] *= weight;
    logits[target] -= op.scale;
  }
}

}  // namespace peer::ops::cpu
