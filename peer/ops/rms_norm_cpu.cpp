#include <algorithm>
#include <cmath>

#include "peer/ops/cpu_twins.h"
#include "peer/ops/operand_row.h"

namespace peer::ops::cpu {
namespace {

// dweight is summed in this many parts, whatever the number of threads, so that its bits do not depend on it.
constexpr std::int64_t kParts = 32;

void backward_row(const RmsNormBackward& op, std::int64_t n) {
  const std::int64_t width = op.x.shape[1];
  const float *x = op.x.row(n), *dy = op.dy.row(n), *weight = op.weight.data;
  float* dx = op.dx.row(n);
  float product = 0;
#pragma omp simd reduction(+ : product)
  for (std::int64_t i = 0; i < width; ++i) product += weight[i] * dy[i] * x[i];
  const float r = op.inverse_rms[n];
  const float along_x = r * r * r * product / static_cast<float>(width);
#pragma omp simd
  for (std::int64_t i = 0; i < width; ++i) dx[i] += r * weight[i] * dy[i] - along_x * x[i];
}

void add_weight_gradient(const RmsNormBackward& op, std::int64_t n, float* dweight) {
  const std::int64_t width = op.x.shape[1];
  const float *x = op.x.row(n), *dy = op.dy.row(n);
  const float r = op.inverse_rms[n];
#pragma omp simd
  for (std::int64_t i = 0; i < width; ++i) dweight[i] += r * x[i] * dy[i];
}

}  // namespace

void rms_norm(Context& ctx, const RmsNorm& op) {
  const std::int64_t rows = op.x.shape[0], width = op.x.shape[1];
#pragma omp parallel for schedule(static) num_threads(ctx.threads()) if (rows > 1)
  for (std::int64_t n = 0; n < rows; ++n) {
    const float *x = op.x.row(n), *weight = op.weight.data;
    float squares = 0;
#pragma omp simd reduction(+ : squares)
    for (std::int64_t i = 0; i < width; ++i) squares += x[i] * x[i];
    const float r = 1.0f / std::sqrt(squares / static_cast<float>(width) + op.epsilon);
    op.inverse_rms[n] = r;
    const auto write = [&](const auto& y) {
#pragma omp simd
      for (std::int64_t i = 0; i < width; ++i) y.set(i, x[i] * r * weight[i]);
    };
    with_rows(n, write, op.y);
  }
}

// With r = (mean(x^2) + epsilon)^-1/2:  dx = r weight dy - x r^3 <weight dy, x> / D,   dweight = sum_n r x dy
void rms_norm_backward(Context& ctx, const RmsNormBackward& op) {
  const std::int64_t rows = op.x.shape[0], width = op.x.shape[1], share = (rows + kParts - 1) / kParts;
  const bool trainable = !op.dweight.empty();
  float* partial = trainable ? ctx.scratch<float>(0, kParts * width) : nullptr;
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t part = 0; part < kParts; ++part) {
    if (trainable) std::fill_n(partial + part * width, width, 0.0f);
    for (std::int64_t n = part * share; n < std::min(rows, (part + 1) * share); ++n) {
      backward_row(op, n);
      if (trainable) add_weight_gradient(op, n, partial + part * width);
    }
  }
  if (!trainable) return;
  for (std::int64_t part = 0; part < kParts; ++part) {
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) op.dweight[i] += partial[part * width + i];
  }
}

}  // namespace peer::ops::cpu
