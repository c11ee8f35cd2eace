#pragma once

#include <cstddef>

#include <cuda_runtime.h>

namespace cub {

struct DeviceRunLengthEncode {
  // The runs of equal neighbours: the value and the length of each, and how many there are. Without temporary memory it only says how
  // much it wants.
  template <class From, class Value, class Length, class Runs, class Count>
  static cudaError_t Encode(void* temporary, std::size_t& bytes, From from, Value value, Length length, Runs runs, Count count,
                            cudaStream_t stream) {
    bytes = 1;
    if (temporary == nullptr) return cudaSuccess;
    simulated_gpu::queue(stream, [=] {
      Count run = -1;
      for (Count i = 0; i < count; ++i) {
        if (i == 0 || from[i] != from[i - 1]) {
          ++run;
          value[run] = from[i];
          length[run] = 0;
        }
        ++length[run];
      }
      *runs = run + 1;
    });
    return cudaSuccess;
  }
};

}  // namespace cub
