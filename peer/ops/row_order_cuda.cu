#include <algorithm>
#include <cub/device/device_run_length_encode.cuh>
#include <cub/device/device_scan.cuh>

#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/slot_order_cuda.cuh"

namespace peer::ops::cuda {
namespace {

constexpr int kTemporary = 5;

// CUB's calls are made twice: without memory they ask for the size of what they need.
template <class Call>
void with_temporary(Context& ctx, const char* name, Call call) {
  std::size_t bytes = 0;
  cuda_check(call(nullptr, bytes), name);
  cuda_check(call(ctx.scratch<char>(kTemporary, static_cast<std::int64_t>(bytes)), bytes), name);
}

}  // namespace

std::int64_t row_order(Context& ctx, const RowOrder& op) {
  const std::int64_t slots = op.id.size();
  const cudaStream_t stream = cuda_queue(ctx).stream.get();
  cuda_check(cudaMemsetAsync(op.begin.data, 0, sizeof(std::int32_t), stream), "cudaMemsetAsync");
  if (slots == 0) return 0;
  const SortedSlots sorted = sort_slots(ctx, 0, slots, op.expert_count, [=] __device__(std::int64_t s) { return op.id.data[s]; });
  for_each_element(ctx, slots, [=] __device__(std::int64_t i) { op.order[i] = sorted.slot[i]; });

  std::int32_t* length = ctx.scratch<std::int32_t>(3, slots);
  std::int64_t* runs = ctx.scratch<std::int64_t>(4, 1);
  with_temporary(ctx, "cub::DeviceRunLengthEncode::Encode", [&](void* memory, std::size_t& bytes) {
    return cub::DeviceRunLengthEncode::Encode(memory, bytes, sorted.key, op.expert.data, length, runs, slots, stream);
  });
  // How many experts were picked is not waited for: there are at most so many segments, and those that are none are empty.
  const std::int64_t bound = std::min(slots, op.expert_count);
  for_each_element(ctx, bound, [=] __device__(std::int64_t u) {
    if (u >= *runs) op.expert[u] = -1, length[u] = 0;
  });
  with_temporary(ctx, "cub::DeviceScan::InclusiveSum", [&](void* memory, std::size_t& bytes) {
    return cub::DeviceScan::InclusiveSum(memory, bytes, length, op.begin.data + 1, bound, stream);
  });
  return bound;
}

}  // namespace peer::ops::cuda
