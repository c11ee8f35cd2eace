// One expert record through AdamW, by the threads of a group that hold its gradient.
#pragma once

#include <type_traits>

#include "peer/base/require.h"
#include "peer/ops/adamw_record.h"
#include "peer/ops/lane_group.cuh"
#include "peer/ops/row_pack.cuh"
#include "peer/ops/row_rounding.h"

namespace peer::ops::cuda {

// Pack p of a thread is number `p * size of the group + rank` of a record; what lies behind the record is zero.
template <int kPacks>
struct RecordGradient {
  Pack pack[kPacks];
};

// The first number of pack p of the calling thread.
template <class Group>
__device__ std::int64_t first_of_pack(int p) {
  return (static_cast<std::int64_t>(p) * Group::kSize + Group::rank()) * kPack;
}

// Packs of a record's [down | up].
constexpr std::int64_t packs_of_record(std::int64_t width) { return (2 * width + kPack - 1) / kPack; }

// Where a record lies, [down | up] and behind it [m | v | step count], and the flag of its page.
template <class Number>
struct TrainedRecord {
  std::int64_t expert = -1;  // -1: there is none to update
  std::int64_t count = 0;    // 2D
  Number* w = nullptr;
  bool* dirty = nullptr;

  __device__ float* m() const { return reinterpret_cast<float*>(w + count); }
  __device__ float* v() const { return m() + count; }
  __device__ float* steps() const { return v() + count; }
};

// None where the expert is none (-1, an empty segment of row_order) or lies on a frozen page.
template <bool kWhole, class Number>
__device__ TrainedRecord<Number> trained_record(const ExpertRows& rows, std::int64_t expert) {
  if (expert < 0) return {};
  device_require(expert < rows.count);
  const ExpertPage page = rows.page_of(expert);
  auto* const w = reinterpret_cast<Number*>(page.data + rows.number_in_page(expert) * page.stride);
  const bool has_state = page.dirty != nullptr && page.stride >= rows.parameter_bytes() + (4 * rows.width + 1) * 4;
  device_require(!page.trainable || (has_state && (!kWhole || is_aligned(w))));
  if (!page.trainable) return {};
  return {expert, 2 * rows.width, in_global_memory(w), in_global_memory(page.dirty)};
}

// Asks for a record, of which each thread of the group will read its packs: nothing waits until it does.
template <class Group, int kPacks, class Number>
__device__ void ask_for(const TrainedRecord<Number>& record) {
#pragma unroll
  for (int p = 0; p < kPacks; ++p)
    if (const std::int64_t first = first_of_pack<Group>(p); first < record.count) {
      prefetch(record.w + first);
      prefetch(record.m() + first);
      prefetch(record.v() + first);
    }
}

// Of a record, computed once for all threads of its group.
struct SharedStep {
  RecordStep step;
  RowRounding rounding;
};
template <class Group>
__device__ SharedStep& shared_step() {
  __shared__ SharedStep of_group[Group::kInBlock];
  return of_group[Group::number()];
}

// Counts the update and computes its step, by one thread of the group, which waits for the count and takes two powers: best called while
// it would wait for something else. Others may read it behind a barrier.
template <class Group, class Number>
__device__ void begin_update(const RowRule& rule, const TrainedRecord<Number>& record) {
  if (Group::rank() > 0) return;
  shared_step<Group>() = {RecordStep(rule, *record.steps() += 1), RowRounding(rule.rounding_key(), record.expert)};
  if (!*record.dirty) *record.dirty = true;  // groups share pages: looking costs less than a million writes of the same byte
}

// Eight numbers of a record with their moments, as they are read.
template <bool kWhole, class Number>
struct RecordPart {
  std::conditional_t<kWhole, RawPack<Number>, Pack> weight;
  std::conditional_t<kWhole, RawPack<float>, Pack> mean, square;

  // Behind the record's end is its last part again: no branch stands between what a thread asks for.
  __device__ RecordPart(const TrainedRecord<Number>& record, std::int64_t first) {
    if constexpr (kWhole) {
      const std::int64_t at = first < record.count ? first : record.count - kPack;
      weight = load_raw(record.w + at), mean = load_raw(record.m() + at), square = load_raw(record.v() + at);
    } else {
      const std::int64_t left = record.count - first;
      weight = load_pack<false>(record.w + first, left);
      mean = load_pack<false>(record.m() + first, left), square = load_pack<false>(record.v() + first, left);
    }
  }
};

// What a record's gradient is multiplied by.
template <class Group, int kPacks>
__device__ float clip_scale(float clip, const RecordGradient<kPacks>& gradient) {
  if (clip <= 0) return 1;
  float squares = 0;
  for (const Pack& pack : gradient.pack) squares += dot(pack, pack);
  return clip_factor(std::sqrt(Group::sum(squares)), clip);
}

// Called once by all threads of a group, after begin_update().
template <class Group, bool kWhole, class Number, int kPacks>
__device__ void finish_update(float clip, const TrainedRecord<Number>& record, const RecordGradient<kPacks>& gradient) {
  RecordPart<kWhole, Number> next(record, first_of_pack<Group>(0));
  const float scale = clip_scale<Group>(clip, gradient);
  Group::sync();
  const RecordStep step = shared_step<Group>().step;
  const RowRounding rounding = shared_step<Group>().rounding;
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
    const std::int64_t first = first_of_pack<Group>(p), left = record.count - first;
    const Pack weight = widened(next.weight);
    Pack mean = widened(next.mean), square = widened(next.square);
    if (p + 1 < kPacks) next = RecordPart<kWhole, Number>(record, first_of_pack<Group>(p + 1));
    if (left <= 0) break;
    Number updated[kPack];
    for (int i = 0; i < kPack; ++i)
      rounding.store(updated[i], step.updated(weight.x[i], gradient.pack[p].x[i] * scale, mean.x[i], square.x[i]),
                     static_cast<std::uint32_t>(first + i));
    store_pack<kWhole>(updated, record.w + first, left);
    store_pack<kWhole>(mean.x, record.m() + first, left);
    store_pack<kWhole>(square.x, record.v() + first, left);
  }
}

// call<Group, kWhole, kPacks>() for records of this width: a warp each while a lane has at most four packs, else a block each.
template <class Call>
void with_record_group(std::int64_t width, Call call) {
  const std::int64_t packs = packs_of_record(width);
  require(packs <= 4 * kThreads, "expert rows: the width must be at most 4096 on CUDA");
  if (!whole_packs(width))
    call.template operator()<BlockGroup, false, 4>();
  else if (packs <= 2 * kWarp)
    call.template operator()<WarpGroup, true, 2>();
  else if (packs <= 4 * kWarp)
    call.template operator()<WarpGroup, true, 4>();
  else if (packs <= kThreads)
    call.template operator()<BlockGroup, true, 1>();
  else if (packs <= 2 * kThreads)
    call.template operator()<BlockGroup, true, 2>();
  else
    call.template operator()<BlockGroup, true, 4>();
}

}  // namespace peer::ops::cuda
