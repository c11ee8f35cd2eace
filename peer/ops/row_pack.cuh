// Eight numbers of a row at a time: what a thread reads and writes of rows in accesses of 16 bytes.
#pragma once

#include <bit>
#include <cstdint>

#include "peer/base/element.h"
#include "peer/ops/kernel_launch.cuh"

namespace peer::ops::cuda {

inline constexpr int kPack = 8;

// Rows of a multiple of eight numbers begin at a multiple of 16 bytes and have no end inside a pack; others are read number by number.
constexpr bool whole_packs(std::int64_t width) { return width % kPack == 0; }

struct Pack {
  float x[kPack];
};

__device__ inline void require_aligned(const void* data) { device_require(reinterpret_cast<std::uintptr_t>(data) % sizeof(uint4) == 0); }

__device__ inline Pack load_whole(const float* from) {
  const float4 a = *reinterpret_cast<const float4*>(from), b = *reinterpret_cast<const float4*>(from + 4);
  return {{a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w}};
}

__device__ inline Pack load_whole(const Bfloat16* from) {
  const uint4 pairs = *reinterpret_cast<const uint4*>(from);  // the first of a pair in the lower half
  const auto low = [](unsigned pair) { return std::bit_cast<float>(pair << 16); };
  const auto high = [](unsigned pair) { return std::bit_cast<float>(pair & 0xffff0000u); };
  return {{low(pairs.x), high(pairs.x), low(pairs.y), high(pairs.y), low(pairs.z), high(pairs.z), low(pairs.w), high(pairs.w)}};
}

__device__ inline void store_whole(const float (&numbers)[kPack], float* to) {
  *reinterpret_cast<float4*>(to) = {numbers[0], numbers[1], numbers[2], numbers[3]};
  *reinterpret_cast<float4*>(to + 4) = {numbers[4], numbers[5], numbers[6], numbers[7]};
}

__device__ inline void store_whole(const Bfloat16 (&numbers)[kPack], Bfloat16* to) {
  const auto pair = [&](int i) { return static_cast<unsigned>(numbers[i].bits) | static_cast<unsigned>(numbers[i + 1].bits) << 16; };
  *reinterpret_cast<uint4*>(to) = {pair(0), pair(2), pair(4), pair(6)};
}

// The numbers from `from` on, of which `left` are there (zeros behind them).
template <bool kWhole, class Number>
__device__ Pack load_pack(const Number* from, std::int64_t left) {
  if constexpr (kWhole) {
    return load_whole(from);
  } else {
    Pack pack{};
    for (int i = 0; i < kPack; ++i)
      if (i < left) pack.x[i] = from[i];
    return pack;
  }
}

template <bool kWhole, class Number>
__device__ void store_pack(const Number (&numbers)[kPack], Number* to, std::int64_t left) {
  if constexpr (kWhole) {
    store_whole(numbers, to);
  } else {
    for (int i = 0; i < kPack; ++i)
      if (i < left) to[i] = numbers[i];
  }
}

__device__ inline float dot(const Pack& a, const Pack& b) {
  float sum = 0;
  for (int i = 0; i < kPack; ++i) sum += a.x[i] * b.x[i];
  return sum;
}

// y += weight x
__device__ inline void add_scaled(Pack& y, float weight, const Pack& x) {
  for (int i = 0; i < kPack; ++i) y.x[i] += weight * x.x[i];
}

}  // namespace peer::ops::cuda
