#pragma once

#include <cstddef>
#include <numeric>

#include <cuda_runtime.h>

namespace cub {

struct DeviceScan {
  // Without temporary memory it only says how much it wants.
  template <class From, class To, class Count>
  static cudaError_t InclusiveSum(void* temporary, std::size_t& bytes, From from, To to, Count count, cudaStream_t stream) {
    bytes = 1;
    if (temporary != nullptr) simulated_gpu::queue(stream, [=] { std::inclusive_scan(from, from + count, to); });
    return cudaSuccess;
  }
};

}  // namespace cub
