#include <algorithm>

#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/row_pack.cuh"

namespace peer::ops::cuda {
namespace {

constexpr std::int32_t kBeingPlaced = -1;  // of an expert whose place one thread is about to write

// Undoes what the call before set, for the experts it staged alone: a pool has thousands of times as many.
__device__ void free_slot(const StageExperts& op, std::int64_t slot) {
  if (slot == 0) op.taken[0] = 0;
  const std::int32_t expert = op.expert[slot];
  if (expert == 0) return;
  op.place[expert - 1] = 0;
  op.expert[slot] = 0;
}

// The thread of the pick that comes first takes a slot. Looking before each atomic spares most of them: popular experts are picked by
// many tokens, and once all slots are taken every pick would ask again.
__device__ void take_slot(const StageExperts& op, std::int64_t expert) {
  device_require(expert >= 0 && expert < op.rows.count);
  const auto slots = static_cast<unsigned>(op.expert.shape[0]);
  if (!op.rows.page_of(expert).may_be_staged() || op.place[expert] != 0 || op.taken[0] > slots) return;
  if (atomicCAS(&op.place[expert], 0, kBeingPlaced) != 0) return;
  const unsigned slot = atomicAdd(&op.taken[0], 1u);
  op.place[expert] = slot < slots ? static_cast<std::int32_t>(slot) + 1 : 0;
  if (slot < slots) op.expert[slot] = static_cast<std::int32_t>(expert) + 1;
}

// By the calling warp. A lane asks for 16 bytes in up to kAhead places before it waits for the first of them. No place is asked for twice:
// what lies behind the bus may not be cached.
template <bool kWhole>
__device__ void copy_record(const std::byte* from, std::byte* to, std::int64_t bytes, int lane) {
  if constexpr (kWhole) {
    constexpr int kAhead = 4, kPart = static_cast<int>(sizeof(uint4));
    device_require(is_aligned(from) && is_aligned(to));
    const auto* source = reinterpret_cast<const uint4*>(in_global_memory(from));
    auto* target = reinterpret_cast<uint4*>(in_global_memory(to));
    for (std::int64_t first = lane; first < bytes / kPart; first += kAhead * kWarp) {
      uint4 part[kAhead] = {};
#pragma unroll
      for (int i = 0; i < kAhead; ++i)
        if (const std::int64_t at = first + i * kWarp; at < bytes / kPart) part[i] = source[at];
#pragma unroll
      for (int i = 0; i < kAhead; ++i)
        if (const std::int64_t at = first + i * kWarp; at < bytes / kPart) target[at] = part[i];
    }
  } else {
    for (std::int64_t i = lane; i < bytes; i += kWarp) to[i] = from[i];
  }
}

template <bool kWhole>
void copy_records(Context& ctx, const StageExperts& op) {
  const std::int64_t most = std::min(op.expert.shape[0], op.id.size());  // copies: a batch has no more experts than picks
  for_each_warp(ctx, most, [=] __device__(std::int64_t slot, int lane) {
    const std::int32_t expert = op.expert[slot];
    if (expert == 0) return;
    copy_record<kWhole>(op.rows.record(expert - 1), op.data.row(slot), op.rows.parameter_bytes(), lane);
  });
}

}  // namespace

void stage_experts(Context& ctx, const StageExperts& op) {
  for_each_element(ctx, op.expert.shape[0], [=] __device__(std::int64_t slot) { free_slot(op, slot); });
  for_each_element(ctx, op.id.size(), [=] __device__(std::int64_t i) { take_slot(op, op.id.data[i]); });
  if (whole_packs(op.rows.width))
    copy_records<true>(ctx, op);
  else
    copy_records<false>(ctx, op);
}

}  // namespace peer::ops::cuda
