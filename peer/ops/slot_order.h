// Slots sorted by a small integer key: a stable radix sort that several expert ops of the CPU share.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>

#include "peer/device/context.h"

namespace peer::ops {

// A slot and its key in one word: key << 32 | slot.
using KeyedSlot = std::uint64_t;
inline std::int64_t key_of(KeyedSlot keyed) { return static_cast<std::int64_t>(keyed >> 32); }
inline std::int32_t slot_of(KeyedSlot keyed) { return static_cast<std::int32_t>(keyed & 0xffffffffu); }

inline constexpr int kDigitBits = 11;  // 2,048 counters: 8 KiB, which stay in L1 beside the data
inline constexpr std::int64_t kDigits = std::int64_t{1} << kDigitBits;

// The slots 0 .. count-1 with their keys key_at(slot) in [0, bound), sorted by key, equal keys by slot. count, bound < 2^31.
// Least significant digit first; every thread counts and moves its own stretch of slots, and a stretch's place in each digit follows
// from the counts of those before it: the same order for any number of threads.
// The result lives in ctx's scratch slots `first_scratch` .. `first_scratch + 2`.
template <class KeyAt>
const KeyedSlot* sort_slots(Context& ctx, int first_scratch, std::int64_t count, std::int64_t bound, KeyAt&& key_at) {
  const int threads = ctx.threads();
  KeyedSlot* from = ctx.scratch<KeyedSlot>(first_scratch, count);
  KeyedSlot* to = ctx.scratch<KeyedSlot>(first_scratch + 1, count);
  std::int32_t* places = ctx.scratch<std::int32_t>(first_scratch + 2, threads * kDigits);
  const auto begin_of = [&](int stretch) { return count * stretch / threads; };

#pragma omp parallel for schedule(static) num_threads(threads)
  for (std::int64_t s = 0; s < count; ++s) from[s] = static_cast<KeyedSlot>(key_at(s)) << 32 | static_cast<KeyedSlot>(s);

  const int key_bits = std::bit_width(static_cast<std::uint64_t>(std::max<std::int64_t>(bound - 1, 0)));
  for (int shift = 32; shift < 32 + key_bits; shift += kDigitBits) {
    const auto digit_of = [shift](KeyedSlot keyed) { return (keyed >> shift) & (kDigits - 1); };
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int stretch = 0; stretch < threads; ++stretch) {
      std::int32_t* counts = places + stretch * kDigits;
      std::fill_n(counts, kDigits, 0);
      for (std::int64_t i = begin_of(stretch); i < begin_of(stretch + 1); ++i) ++counts[digit_of(from[i])];
    }
    std::int32_t next = 0;
    for (std::int64_t digit = 0; digit < kDigits; ++digit)
      for (int stretch = 0; stretch < threads; ++stretch) next += std::exchange(places[stretch * kDigits + digit], next);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int stretch = 0; stretch < threads; ++stretch) {
      std::int32_t* place = places + stretch * kDigits;
      for (std::int64_t i = begin_of(stretch); i < begin_of(stretch + 1); ++i) to[place[digit_of(from[i])]++] = from[i];
    }
    std::swap(from, to);
  }
  return from;
}

// Where each run of equal keys begins in `sorted`: calls found(u, i) for run u = 0 .. U-1 beginning at i, and returns U.
template <class Found>
std::int64_t for_each_run(const KeyedSlot* sorted, std::int64_t count, Found&& found) {
  std::int64_t runs = 0;
  for (std::int64_t i = 0; i < count; ++i)
    if (i == 0 || key_of(sorted[i]) != key_of(sorted[i - 1])) found(runs++, i);
  return runs;
}

}  // namespace peer::ops
