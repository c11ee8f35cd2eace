// Sums and maxima over the threads of a warp or a block, in an order that depends on their numbers alone. All of them must call, and all
// get the result.
#pragma once

#include "peer/ops/kernel_launch.cuh"

namespace peer::ops::cuda {

inline constexpr unsigned kAllLanes = 0xffffffffu;

template <class T, class Combine>
__device__ T warp_reduce(T value, Combine combine) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2) value = combine(value, __shfl_xor_sync(kAllLanes, value, distance));
  return value;
}

template <class T, class Combine>
__device__ T block_reduce(T value, Combine combine) {
  __shared__ T of_warp[kWarps];
  value = warp_reduce(value, combine);
  __syncthreads();  // a thread may still be reading the result of the call before
  if (threadIdx.x % kWarp == 0) of_warp[threadIdx.x / kWarp] = value;
  __syncthreads();
  T result = of_warp[0];
  for (int w = 1; w < kWarps; ++w) result = combine(result, of_warp[w]);
  return result;
}

template <class T>
struct Plus {
  __device__ T operator()(T a, T b) const { return a + b; }
};
template <class T>
struct Larger {
  __device__ T operator()(T a, T b) const { return a > b ? a : b; }
};

template <class T>
__device__ T warp_sum(T value) {
  return warp_reduce(value, Plus<T>());
}
// The sums of several values, each in the order of warp_sum(), whose exchanges do not wait for each other's.
template <class T, int kCount>
__device__ void warp_sums(T (&values)[kCount]) {
#pragma unroll
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) values[i] += __shfl_xor_sync(0xffffffffu, values[i], distance);
  }
}
template <class T>
__device__ T warp_max(T value) {
  return warp_reduce(value, Larger<T>());
}
template <class T>
__device__ T block_sum(T value) {
  return block_reduce(value, Plus<T>());
}
template <class T>
__device__ T block_max(T value) {
  return block_reduce(value, Larger<T>());
}

}  // namespace peer::ops::cuda
