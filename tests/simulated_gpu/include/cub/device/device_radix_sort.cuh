#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include <cuda_runtime.h>

namespace cub {

struct DeviceRadixSort {
  // Stable, by the bits [begin, end) of the keys. Without temporary memory it only says how much it wants.
  template <class Key, class Value, class Count>
  static cudaError_t SortPairs(void* temporary, std::size_t& bytes, const Key* key, Key* sorted_key, const Value* value,
                               Value* sorted_value, Count count, int begin, int end, cudaStream_t stream) {
    bytes = 1;
    if (temporary == nullptr) return cudaSuccess;
    simulated_gpu::queue(stream, [=] {
      std::vector<Count> order(static_cast<std::size_t>(count));
      std::iota(order.begin(), order.end(), Count{0});
      const auto part = [&](Count i) { return (static_cast<std::uint64_t>(key[i]) & ((std::uint64_t{1} << end) - 1)) >> begin; };
      std::stable_sort(order.begin(), order.end(), [&](Count a, Count b) { return part(a) < part(b); });
      for (Count i = 0; i < count; ++i) sorted_key[i] = key[order[i]], sorted_value[i] = value[order[i]];
    });
    return cudaSuccess;
  }
};

}  // namespace cub
