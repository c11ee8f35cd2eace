// One expert record through AdamW, by the threads of a group that hold its gradient.
#pragma once

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

// Packs of a record's [down | up].
constexpr std::int64_t packs_of_record(std::int64_t width) { return (2 * width + kPack - 1) / kPack; }

// Whether rows of the expert are updated: not where there is none (-1, an empty segment of row_order) and not on frozen pages.
__device__ inline bool takes_update(const ExpertRows& rows, std::int64_t expert) {
  if (expert < 0) return false;
  device_require(expert < rows.count);
  const ExpertPage& page = rows.page_of(expert);
  device_require(!page.trainable || (page.dirty != nullptr && page.stride >= rows.parameter_bytes() + (4 * rows.width + 1) * 4));
  return page.trainable;
}

// Of a record, computed once for all threads of its group.
struct SharedStep {
  RecordStep step;
  RowRounding rounding;
};

// Called once by all threads of a group, for an expert that takes_update().
template <class Group, class Number, bool kWhole, int kPacks>
__device__ void update_record(const RowRule& rule, const ExpertRows& rows, std::int64_t expert, const RecordGradient<kPacks>& gradient) {
  const std::int64_t count = 2 * rows.width;
  Number* w = rows.parameters<Number>(expert);
  float *m = rows.state<Number>(expert), *v = m + count, *steps = v + count;
  if constexpr (kWhole) require_aligned(w);
  float scale = 1;
  if (rule.clip > 0) {
    float squares = 0;
    for (const Pack& pack : gradient.pack) squares += dot(pack, pack);
    scale = clip_factor(std::sqrt(Group::sum(squares)), rule.clip);
  }
  __shared__ SharedStep of_group[Group::kInBlock];
  if (Group::rank() == 0) {
    of_group[Group::number()] = {RecordStep(rule, *steps += 1), RowRounding(rule.rounding_key(), expert)};
    bool& dirty = *rows.page_of(expert).dirty;
    if (!dirty) dirty = true;  // groups share pages: looking costs less than a million writes of the same byte
  }
  Group::sync();
  const RecordStep step = of_group[Group::number()].step;
  const RowRounding rounding = of_group[Group::number()].rounding;
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
    const std::int64_t first = (static_cast<std::int64_t>(p) * Group::kSize + Group::rank()) * kPack, left = count - first;
    if (left <= 0) break;
    const Pack weight = load_pack<kWhole>(w + first, left);
    Pack mean = load_pack<kWhole>(m + first, left), square = load_pack<kWhole>(v + first, left);
    Number updated[kPack];
    for (int i = 0; i < kPack; ++i)
      rounding.store(updated[i], step.updated(weight.x[i], gradient.pack[p].x[i] * scale, mean.x[i], square.x[i]),
                     static_cast<std::uint32_t>(first + i));
    store_pack<kWhole>(updated, w + first, left);
    store_pack<kWhole>(mean.x, m + first, left);
    store_pack<kWhole>(square.x, v + first, left);
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
