#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

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

// The positions whose angles are asked for.
struct Window {
  std::int64_t half = 0, first_position = 0, time = 0;
  double theta = 0;
  RotaryScaling scaling = {};
  bool operator==(const Window&) const = default;
};

// Cosines and sines of every position of a window, (T, 2, d/2).
void fill(Context& ctx, const Window& w, std::vector<float>& table) {
  const std::int64_t half = w.half, time = w.time, first_stride = w.first_position / kStride;
  const std::int64_t strides = (w.first_position + time - 1) / kStride - first_stride + 1;
  table.resize(static_cast<std::size_t>(2 * time * half));
  Angle* coarse = ctx.scratch<Angle>(0, (strides + kStride) * half);
  Angle* fine = coarse + strides * half;
  double* frequency = ctx.scratch<double>(1, half);
  for (std::int64_t i = 0; i < half; ++i)
    frequency[i] = scaled_frequency(std::pow(w.theta, -static_cast<double>(i) / static_cast<double>(half)), w.scaling);
  for (std::int64_t s = 0; s < strides; ++s) fill_angles(coarse + s * half, frequency, half, (first_stride + s) * kStride);
  for (std::int64_t t = 0; t < std::min(time, kStride); ++t) {  // the rests that occur: one alone where a single token follows others
    const std::int64_t rest = (w.first_position + t) % kStride;
    fill_angles(fine + rest * half, frequency, half, rest);
  }
  float* numbers = table.data();
#pragma omp parallel for schedule(static) num_threads(ctx.threads()) if (time > 1)
  for (std::int64_t t = 0; t < time; ++t) {
    const std::int64_t position = w.first_position + t;
    const Angle* a = coarse + (position / kStride - first_stride) * half;
    const Angle* b = fine + position % kStride * half;
    float *cosine = numbers + 2 * t * half, *sine = cosine + half;
    for (std::int64_t i = 0; i < half; ++i) {
      cosine[i] = static_cast<float>(a[i].cosine * b[i].cosine - a[i].sine * b[i].sine);
      sine[i] = static_cast<float>(a[i].sine * b[i].cosine + a[i].cosine * b[i].sine);
    }
  }
}

void rotate(float* x, const float* cosine, const float* sine, float sign, std::int64_t half) {
#pragma omp simd
  for (std::int64_t i = 0; i < half; ++i) {
    const float low = x[i], high = x[i + half], of_low = sign * sine[i];
    x[i] = low * cosine[i] - high * of_low;
    x[i + half] = high * cosine[i] + low * of_low;
  }
}

}  // namespace

// Every layer turns queries and keys of the same positions: the table of the last call is that of this one but for the first of a window.
void rotary(Context& ctx, const Rotary& op) {
  const auto [batch, time, heads, width] = op.x.shape;
  if (op.x.size() == 0) return;
  thread_local Window last;
  thread_local std::vector<float> angles;
  if (const Window wanted{width / 2, op.first_position, time, op.theta, op.scaling}; wanted != last) {
    last = {};  // of no window, should memory run out
    fill(ctx, wanted, angles);
    last = wanted;
  }
  const float* table = angles.data();  // this thread's, in the others too
  const float sign = op.inverse ? -1.0f : 1.0f;
#pragma omp parallel for schedule(static) num_threads(ctx.threads()) if (batch * time > 1)
  for (std::int64_t row = 0; row < batch * time; ++row) {
    const float* cosine = table + row % time * width;
    for (std::int64_t h = 0; h < heads; ++h) rotate(op.x.data + (row * heads + h) * width, cosine, cosine + width / 2, sign, width / 2);
  }
}

}  // namespace peer::ops::cpu
