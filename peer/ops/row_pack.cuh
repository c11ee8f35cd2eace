// Eight numbers of a row at a time: what a thread reads and writes of rows in accesses of 16 bytes.
#pragma once

#include <bit>
#include <cstdint>

#include "peer/base/element.h"
#include "peer/device/cuda_build.h"
#include "peer/ops/kernel_launch.cuh"

namespace peer::ops::cuda {

inline constexpr int kPack = 8;

// Rows of a multiple of eight numbers begin at a multiple of 16 bytes and have no end inside a pack; others are read number by number.
constexpr bool whole_packs(std::int64_t width) { return width % kPack == 0; }

struct Pack {
  float x[kPack];
};

// The same pointer, to a number of the device's memory: what the compiler cannot know of one that was read from memory, and without it
// would ask at each access whether shared memory is meant.
template <class Number>
__device__ Number* in_global_memory(Number* data) {
  if constexpr (!kSimulatedGpu) __builtin_assume(__isGlobal(data));
  return data;
}

__device__ inline bool is_aligned(const void* data) { return reinterpret_cast<std::uintptr_t>(data) % sizeof(uint4) == 0; }

// Asks for the 32 bytes around an address, so that L2 holds them when they are read.
__device__ inline void prefetch(const void* data) {
  if constexpr (!kSimulatedGpu) asm volatile("prefetch.global.L2 [%0];" ::"l"(data));
}

// A pack as it lies in memory. What a thread asks for before it needs it stays so until then: widening waits for it, and bf16 takes half
// the registers.
template <class Number>
struct RawPack;
template <>
struct RawPack<float> {
  float4 first, last;
};
template <>
struct RawPack<Bfloat16> {
  uint4 pairs;  // the first of a pair in the lower half
};

__device__ inline RawPack<float> load_raw(const float* from) {
  const auto* halves = reinterpret_cast<const float4*>(in_global_memory(from));
  return {halves[0], halves[1]};
}
__device__ inline RawPack<Bfloat16> load_raw(const Bfloat16* from) { return {*reinterpret_cast<const uint4*>(in_global_memory(from))}; }

__device__ inline Pack widened(const RawPack<float>& raw) {
  const float4 a = raw.first, b = raw.last;
  return {{a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w}};
}
__device__ inline Pack widened(const RawPack<Bfloat16>& raw) {
  const uint4 pairs = raw.pairs;
  const auto low = [](unsigned pair) { return std::bit_cast<float>(pair << 16); };
  const auto high = [](unsigned pair) { return std::bit_cast<float>(pair & 0xffff0000u); };
  return {{low(pairs.x), high(pairs.x), low(pairs.y), high(pairs.y), low(pairs.z), high(pairs.z), low(pairs.w), high(pairs.w)}};
}
__device__ inline Pack widened(const Pack& pack) { return pack; }

template <class Number>
__device__ Pack load_whole(const Number* from) {
  return widened(load_raw(from));
}

__device__ inline void store_whole(const float (&numbers)[kPack], float* to) {
  auto* halves = reinterpret_cast<float4*>(in_global_memory(to));
  halves[0] = {numbers[0], numbers[1], numbers[2], numbers[3]};
  halves[1] = {numbers[4], numbers[5], numbers[6], numbers[7]};
}

__device__ inline void store_whole(const Bfloat16 (&numbers)[kPack], Bfloat16* to) {
  const auto pair = [&](int i) { return static_cast<unsigned>(numbers[i].bits) | static_cast<unsigned>(numbers[i + 1].bits) << 16; };
  *reinterpret_cast<uint4*>(in_global_memory(to)) = {pair(0), pair(2), pair(4), pair(6)};
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
