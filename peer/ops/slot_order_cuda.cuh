// Slots sorted by a small integer key, on the device: what slot_order.h is to the CPU twins.
#pragma once

#include <cstdint>

#include "peer/ops/run_sums.cuh"

namespace peer::ops::cuda {

struct SortedSlots {
  const std::uint32_t* key;  // (count)  rising
  const std::int32_t* slot;  // (count)  rising within a key
  std::int64_t count;
};

// Stable radix sort of (key, slot) pairs, both (2 * count) with the first half set; the other half is overwritten. `temporary` is a
// scratch slot. count, bound < 2^31.
SortedSlots sort_pairs(Context& ctx, int temporary, std::uint32_t* key, std::int32_t* slot, std::int64_t count, std::int64_t bound);

// The places of each key k < keys, none where it has no slots, in the scratch slot `scratch`. One look at each place: a binary search for
// each key is two dozen reads, of which each waits for the one before.
const Run* find_runs(Context& ctx, int scratch, const SortedSlots& sorted, std::int64_t keys);

template <class KeyAt>
__global__ void __launch_bounds__(kThreads)
    keyed_slots_kernel(std::int64_t count, std::int64_t bound, KeyAt key_at, std::uint32_t* key, std::int32_t* slot) {
  const std::int64_t s = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (s >= count) return;
  const std::int64_t k = key_at(s);
  device_require(k >= 0 && k < bound);
  key[s] = static_cast<std::uint32_t>(k);
  slot[s] = static_cast<std::int32_t>(s);
}

// The slots 0 .. count-1 with their keys key_at(slot) in [0, bound), sorted by key, equal keys by slot.
// The result lives in ctx's scratch slots `first_scratch` .. `first_scratch + 2`.
template <class KeyAt>
SortedSlots sort_slots(Context& ctx, int first_scratch, std::int64_t count, std::int64_t bound, KeyAt key_at) {
  std::uint32_t* key = ctx.scratch<std::uint32_t>(first_scratch, 2 * count);
  std::int32_t* slot = ctx.scratch<std::int32_t>(first_scratch + 1, 2 * count);
  if (count == 0) return {key, slot, 0};
  launch(ctx, "keyed_slots_kernel", keyed_slots_kernel<KeyAt>, blocks_of(count, kThreads), kThreads, count, bound, key_at, key, slot);
  return sort_pairs(ctx, first_scratch + 2, key, slot, count, bound);
}

}  // namespace peer::ops::cuda
