#include <algorithm>
#include <bit>
#include <cub/device/device_radix_sort.cuh>
#include <limits>

#include "peer/base/require.h"
#include "peer/ops/slot_order_cuda.cuh"

namespace peer::ops::cuda {

SortedSlots sort_pairs(Context& ctx, int temporary, std::uint32_t* key, std::int32_t* slot, std::int64_t count, std::int64_t bound) {
  require(count <= std::numeric_limits<std::int32_t>::max(), "sort_slots: there must be fewer than 2^31 slots");
  const int key_bits = std::max(1, static_cast<int>(std::bit_width(static_cast<std::uint64_t>(bound - 1))));
  const auto sort = [&](void* memory, std::size_t& bytes) {
    cuda_check(cub::DeviceRadixSort::SortPairs(memory, bytes, key, key + count, slot, slot + count, count, 0, key_bits,
                                               cuda_queue(ctx).stream.get()),
               "cub::DeviceRadixSort::SortPairs");
  };
  std::size_t bytes = 0;
  sort(nullptr, bytes);  // asks for the size of its temporary memory
  sort(ctx.scratch<char>(temporary, static_cast<std::int64_t>(bytes)), bytes);
  return {key + count, slot + count, count};
}

const Run* find_runs(Context& ctx, int scratch, const SortedSlots& sorted, std::int64_t keys) {
  Run* runs = ctx.scratch<Run>(scratch, keys);
  cuda_check(cudaMemsetAsync(runs, 0, static_cast<std::size_t>(keys) * sizeof(Run), cuda_queue(ctx).stream.get()), "cudaMemsetAsync");
  for_each_element(ctx, sorted.count, [=] __device__(std::int64_t place) {
    const std::uint32_t key = sorted.key[place];
    if (key >= keys) return;
    if (place == 0 || sorted.key[place - 1] != key) runs[key].begin = place;
    if (place == sorted.count - 1 || sorted.key[place + 1] != key) runs[key].end = place + 1;
  });
  return runs;
}

}  // namespace peer::ops::cuda
