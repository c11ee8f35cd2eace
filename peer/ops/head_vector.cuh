// The d numbers of one attention head's vector, held by a warp.
#pragma once

#include <cmath>
#include <limits>

#include "peer/base/element.h"
#include "peer/base/view.h"
#include "peer/ops/block_reduce.cuh"
#include "peer/ops/vector_math.h"

namespace peer::ops::cuda {

inline constexpr int kPerLane = 8;
inline constexpr std::int64_t kWidest = kPerLane * kWarp;

// The d numbers of one head's vector spread over a warp: a lane holds every 32nd, and zeros behind the last.
struct Spread {
  float x[kPerLane] = {};
};

__device__ inline Spread load(const float* from, std::int64_t width, int lane) {
  Spread s;
  for (int i = 0; i < kPerLane; ++i)
    if (i * kWarp + lane < width) s.x[i] = from[i * kWarp + lane];
  return s;
}

__device__ inline void store(const Spread& s, float scale, float* to, std::int64_t width, int lane) {
  for (int i = 0; i < kPerLane; ++i)
    if (i * kWarp + lane < width) to[i * kWarp + lane] = s.x[i] * scale;
}

__device__ inline float dot(const Spread& a, const Spread& b) {
  float sum = 0;
  for (int i = 0; i < kPerLane; ++i) sum += a.x[i] * b.x[i];
  return warp_sum(sum);
}

// To bf16.
__device__ inline Spread rounded(const Spread& s) {
  Spread r;
  for (int i = 0; i < kPerLane; ++i) r.x[i] = Bfloat16{bfloat16_of(s.x[i])};
  return r;
}

// y = shrink y + weight x
__device__ inline void blend(Spread& y, float shrink, float weight, const Spread& x) {
  for (int i = 0; i < kPerLane; ++i) y.x[i] = shrink * y.x[i] + weight * x.x[i];
}

// The vector of head h at time t of batch b in a (B, T, heads, d) tensor.
template <class T>
__device__ T* vector_at(const View<T, 4>& x, std::int64_t b, std::int64_t t, std::int64_t h) {
  return x.data + ((b * x.shape[1] + t) * x.shape[2] + h) * x.shape[3];
}

// The numbers (T) of head h of batch b in an lse-like (B, heads, T) tensor.
template <class T>
__device__ T* numbers_of(const View<T, 3>& x, std::int64_t b, std::int64_t h) {
  return x.data + (b * x.shape[1] + h) * x.shape[2];
}

// A softmax-weighted sum of values while its scores are still coming: what was added is rescaled whenever a larger score turns up
// (Milakov & Gimelshein 2018).
struct OnlineSoftmax {
  Spread y;
  float largest = -std::numeric_limits<float>::infinity(), sum = 0;
  __device__ void add(float score, const Spread& value) {
    const float before = largest;
    largest = score > largest ? score : largest;
    const float shrink = polynomial_exp(before - largest), weight = polynomial_exp(score - largest);
    sum = shrink * sum + weight;
    blend(y, shrink, weight, value);
  }
};

inline float scale_of(std::int64_t width) { return 1.0f / std::sqrt(static_cast<float>(width)); }

}  // namespace peer::ops::cuda
