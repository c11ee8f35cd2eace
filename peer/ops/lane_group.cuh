// Kernels written once for the threads of a warp and for those of a block: a narrow row has work for a warp, a wide one for a block.
#pragma once

#include "peer/ops/block_reduce.cuh"

namespace peer::ops::cuda {

struct WarpGroup {
  static constexpr int kSize = kWarp, kInBlock = kWarps;
  __device__ static int number() { return static_cast<int>(threadIdx.x / kWarp); }  // among those of the block
  __device__ static int rank() { return static_cast<int>(threadIdx.x % kWarp); }
  __device__ static float sum(float value) { return warp_sum(value); }
  __device__ static void sync() { __syncwarp(); }
};

struct BlockGroup {
  static constexpr int kSize = kThreads, kInBlock = 1;
  __device__ static int number() { return 0; }
  __device__ static int rank() { return static_cast<int>(threadIdx.x); }
  __device__ static float sum(float value) { return block_sum(value); }
  __device__ static void sync() { __syncthreads(); }
};

template <class Group, class Body>
__global__ void __launch_bounds__(kThreads, kResidentBlocks) group_kernel(std::int64_t count, Body body) {
  const std::int64_t i = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) / Group::kSize;
  if (i < count) body(i);
}

// body(i), i < count, by one group each.
template <class Group, class Body>
void for_each_group(Context& ctx, std::int64_t count, Body body) {
  launch(ctx, "group_kernel", group_kernel<Group, Body>, blocks_of(count, Group::kInBlock), kThreads, count, body);
}

}  // namespace peer::ops::cuda
