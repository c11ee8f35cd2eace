#include <algorithm>
#include <cmath>

#include "peer/ops/cpu_twins.h"

namespace peer::ops::cpu {
namespace {

struct Angle {
  double cosine, sine;
};

// The angle of position p is that of its multiple of kStride plus that of the rest: T/kStride + kStride sines instead of T, and still a
// function of the position alone, so a token has the same rotation in every window that holds it.
constexpr std::int64_t kStride = 16;

void fill_angles(Angle* row, const double* frequency, std::int64_t half, std::int64_t position) {
  for (std::int64_t i = 0; i < half; ++i) {
    const double angle = static_cast<double>(position) * frequency[i];
    row[i] = {std::cos(angle), std::sin(angle)};
  }
}

void rotate(float* x, const float* cosine, const float* sine, std::int64_t half) {
#pragma omp simd
  for (std::int64_t i = 0; i < half; ++i) {
    const float low = x[i], high = x[i + half];
    x[i] = low * cosine[i] - high * sine[i];
    x[i + half] = high * cosine[i] + low * sine[i];
  }
}

}  // namespace

void rotary(Context& ctx, const Rotary& op) {
  const auto [batch, time, heads, width] = op.x.shape;
  if (op.x.size() == 0) return;
  const std::int64_t half = width / 2;
  const std::int64_t first_stride = op.first_position / kStride, strides = (op.first_position + time - 1) / kStride - first_stride + 1;
  Angle* coarse = ctx.scratch<Angle>(0, (strides + kStride) * half);
  Angle* fine = coarse + strides * half;
  float* table = ctx.scratch<float>(1, time * width);  // (T, 2, d/2): cosines and sines
  const float sign = op.inverse ? -1.0f : 1.0f;
  double* frequency = ctx.scratch<double>(2, half);
  for (std::int64_t i = 0; i < half; ++i)
    frequency[i] = scaled_frequency(std::pow(op.theta, -static_cast<double>(i) / static_cast<double>(half)), op.scaling);
  for (std::int64_t s = 0; s < strides; ++s) fill_angles(coarse + s * half, frequency, half, (first_stride + s) * kStride);
  for (std::int64_t t = 0; t < std::min(time, kStride); ++t) {  // the rests that occur: one alone where a single token follows others
    const std::int64_t rest = (op.first_position + t) % kStride;
    fill_angles(fine + rest * half, frequency, half, rest);
  }

#pragma omp parallel num_threads(ctx.threads())
  {
#pragma omp for schedule(static)
    for (std::int64_t t = 0; t < time; ++t) {
      const std::int64_t position = op.first_position + t;
      const Angle* a = coarse + (position / kStride - first_stride) * half;
      const Angle* b = fine + position % kStride * half;
      float *cosine = table + t * width, *sine = cosine + half;
      for (std::int64_t i = 0; i < half; ++i) {
        cosine[i] = static_cast<float>(a[i].cosine * b[i].cosine - a[i].sine * b[i].sine);
        sine[i] = sign * static_cast<float>(a[i].sine * b[i].cosine + a[i].cosine * b[i].sine);
      }
    }
#pragma omp for schedule(static)
    for (std::int64_t row = 0; row < batch * time; ++row) {
      const float* cosine = table + row % time * width;
      for (std::int64_t h = 0; h < heads; ++h) rotate(op.x.data + (row * heads + h) * width, cosine, cosine + half, half);
    }
  }
}

}  // namespace peer::ops::cpu
