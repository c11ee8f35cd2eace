// How CUDA twins start their kernels: a lambda for each element, each warp or each block of threads, on the stream of ctx.
#pragma once

#include <cstdint>
#include <limits>

#include "peer/base/require.h"
#include "peer/device/cuda_check.cuh"
#include "peer/device/cuda_queue.cuh"

namespace peer::ops::cuda {

inline constexpr int kWarp = 32, kWarps = 8, kThreads = kWarps * kWarp;  // of a block
// Two blocks of warps at a time leave each thread 128 registers; asked for nothing, ptxas would rather spill than take more than 80.
inline constexpr int kResidentBlocks = 2;

// require() inside a kernel: stops it, so that nothing is read or written out of range.
__device__ inline void device_require(bool held) {
  if (!held) __trap();
}

template <class Body>
__global__ void __launch_bounds__(kThreads) element_kernel(std::int64_t count, Body body) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < count) body(i);
}

template <class Body>
__global__ void __launch_bounds__(kThreads, kResidentBlocks) warp_kernel(std::int64_t count, Body body) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kWarps + threadIdx.x / kWarp;
  if (i < count) body(i, static_cast<int>(threadIdx.x % kWarp));
}

template <class Body>
__global__ void __launch_bounds__(kThreads, kResidentBlocks) block_kernel(Body body) {
  body(static_cast<std::int64_t>(blockIdx.x));
}

// kernel(arguments...) by `blocks` blocks of `threads` threads, on the stream of ctx.
template <class... Parameters, class... Arguments>
void launch(Context& ctx, const char* name, void (*kernel)(Parameters...), std::int64_t blocks, dim3 threads, Arguments... arguments) {
  if (blocks == 0) return;
  require(blocks <= std::numeric_limits<std::int32_t>::max(), "launch: a kernel must have fewer than 2^31 blocks");
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(blocks));
  config.blockDim = threads;
  config.stream = cuda_queue(ctx).stream.get();
  cuda_check(cudaLaunchKernelEx(&config, kernel, Parameters(arguments)...), name);
}

constexpr std::int64_t blocks_of(std::int64_t count, std::int64_t each) { return (count + each - 1) / each; }

// body(i), i < count, by one thread each.
template <class Body>
void for_each_element(Context& ctx, std::int64_t count, Body body) {
  launch(ctx, "element_kernel", element_kernel<Body>, blocks_of(count, kThreads), kThreads, count, body);
}

// body(i, lane), i < count, by one warp each.
template <class Body>
void for_each_warp(Context& ctx, std::int64_t count, Body body) {
  launch(ctx, "warp_kernel", warp_kernel<Body>, blocks_of(count, kWarps), kThreads, count, body);
}

// body(i), i < count, by one block of kThreads threads each.
template <class Body>
void for_each_block(Context& ctx, std::int64_t count, Body body) {
  launch(ctx, "block_kernel", block_kernel<Body>, count, kThreads, body);
}

}  // namespace peer::ops::cuda
