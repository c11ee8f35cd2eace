#include <cmath>

#include "peer/ops/cuda_twins.h"
#include "peer/ops/kernel_launch.cuh"

namespace peer::ops::cuda {

void rotary(Context& ctx, const Rotary& op) {
  const std::int64_t time = op.x.shape[1], heads = op.x.shape[2], width = op.x.shape[3], half = width / 2;
  float2* table = ctx.scratch<float2>(0, time * half);  // cosine and sine; in double precision, because positions are large
  const double sign = op.inverse ? -1.0 : 1.0;
  for_each_element(ctx, time * half, [=] __device__(std::int64_t at) {
    const double position = static_cast<double>(op.first_position + at / half);
    const double frequency = std::pow(op.theta, -static_cast<double>(at % half) / static_cast<double>(half));
    const double angle = position * scaled_frequency(frequency, op.scaling);
    table[at] = {static_cast<float>(std::cos(angle)), static_cast<float>(sign * std::sin(angle))};
  });
  for_each_element(ctx, op.x.size() / 2, [=] __device__(std::int64_t at) {
    const std::int64_t row = at / half, i = at % half, t = row / heads % time;  // row: (B, T, heads)
    float* x = op.x.data + row * width;
    const float low = x[i], high = x[i + half], cosine = table[t * half + i].x, sine = table[t * half + i].y;
    x[i] = low * cosine - high * sine;
    x[i + half] = high * cosine + low * sine;
  });
}

}  // namespace peer::ops::cuda
