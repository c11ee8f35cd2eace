// What kernels use of CUDA, and how they are launched. Seen first by every kernel file that is compiled for the simulated GPU.
#pragma once

#include <cuda_runtime_api.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <functional>

#define __global__
#define __device__
#define __host__
#define __launch_bounds__(...)
#define __shared__ static  // blocks run one after another, so their threads may share what is static

struct __attribute__((may_alias, aligned(8))) float2 {
  float x, y;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
// Sixteen bytes in one access, of whatever lies there. An address that is no multiple of sixteen is a fault here as on a GPU.
struct __attribute__((may_alias, aligned(16))) float4 {
  float x, y, z, w;
};
struct __attribute__((may_alias, aligned(16))) uint4 {
  unsigned x, y, z, w;
};

inline dim3 threadIdx, blockIdx, blockDim, gridDim;  // of the thread that runs now

void __syncthreads();
[[noreturn]] void __trap();

namespace simulated_gpu {

inline constexpr unsigned kLanes = 32;
// Every lane of the calling thread's warp calls it; returns what each of them gave, until the call after the next.
const std::uint64_t* exchange(std::uint64_t value);
unsigned lane_of_thread();
void queue(cudaStream_t stream, std::function<void()> work);
// Whether a kernel's argument (often a lambda with all that it captured) holds an address of the host's memory.
bool holds_host_pointer(const void* argument, std::size_t bytes);
void run_kernel(dim3 blocks, dim3 threads, const std::function<void()>& thread);

}  // namespace simulated_gpu

// All lanes take part in each of these, whatever the mask says.
template <class T>
T __shfl_sync(unsigned, T value, int lane) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = simulated_gpu::exchange(bits)[static_cast<unsigned>(lane) % simulated_gpu::kLanes];
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int distance) {
  return __shfl_sync(mask, value, static_cast<int>(simulated_gpu::lane_of_thread()) ^ distance);
}
// The lanes that have none so far below keep their own.
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned distance) {
  const unsigned lane = simulated_gpu::lane_of_thread();
  return __shfl_sync(mask, value, static_cast<int>(lane < distance ? lane : lane - distance));
}
inline unsigned __ballot_sync(unsigned, int predicate) {
  const std::uint64_t* of_lane = simulated_gpu::exchange(predicate != 0);
  unsigned bits = 0;
  for (unsigned lane = 0; lane < simulated_gpu::kLanes; ++lane) bits |= static_cast<unsigned>(of_lane[lane]) << lane;
  return bits;
}
// The lanes whose value has the same bits.
template <class T>
unsigned __match_any_sync(unsigned, T value) {
  static_assert(sizeof(T) == sizeof(std::uint32_t) || sizeof(T) == sizeof(std::uint64_t));
  std::uint64_t own = 0;
  std::memcpy(&own, &value, sizeof value);
  const std::uint64_t* of_lane = simulated_gpu::exchange(own);
  unsigned bits = 0;
  for (unsigned lane = 0; lane < simulated_gpu::kLanes; ++lane) bits |= static_cast<unsigned>(of_lane[lane] == own) << lane;
  return bits;
}
inline void __syncwarp() { simulated_gpu::exchange(0); }
inline unsigned atomicAdd(unsigned* at, unsigned number) {
  const unsigned before = *at;
  *at += number;
  return before;
}
inline int atomicCAS(int* at, int expected, int desired) {
  const int before = *at;
  if (before == expected) *at = desired;
  return before;
}
inline std::size_t __cvta_generic_to_shared(const void* shared) { return reinterpret_cast<std::size_t>(shared); }
inline int __popc(unsigned bits) { return std::popcount(bits); }
inline int __ffs(int bits) { return bits == 0 ? 0 : std::countr_zero(static_cast<unsigned>(bits)) + 1; }

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...), Arguments... arguments) {
  (__builtin_clear_padding(&arguments), ...);  // what happens to lie between two members is no pointer
  if ((simulated_gpu::holds_host_pointer(&arguments, sizeof arguments) || ...)) return cudaErrorInvalidDevicePointer;
  simulated_gpu::queue(config->stream, [=, blocks = config->gridDim, threads = config->blockDim] {
    simulated_gpu::run_kernel(blocks, threads, [&] { kernel(arguments...); });
  });
  return cudaSuccess;
}
