#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/record_update.cuh"

namespace peer::ops::cuda {
namespace {

template <class Number, class Group, bool kWhole, int kPacks>
void update(Context& ctx, const AdamwRows& op) {
  for_each_group<Group>(ctx, op.expert.shape[0], [=] __device__(std::int64_t c) {
    const std::int64_t expert = op.expert[c], count = 2 * op.rows.width;
    if (!takes_update(op.rows, expert)) return;
    RecordGradient<kPacks> gradient{};
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      const std::int64_t first = (static_cast<std::int64_t>(p) * Group::kSize + Group::rank()) * kPack;
      if (first < count) gradient.pack[p] = load_pack<kWhole>(op.gradient.row(c) + first, count - first);
    }
    update_record<Group, Number, kWhole>(op.rule, op.rows, expert, gradient);
  });
}

}  // namespace

void adamw_rows(Context& ctx, const AdamwRows& op) {
  with_record_group(op.rows.width, [&]<class Group, bool kWhole, int kPacks>() {
    with_number_of(op.rows, [&](auto number) { update<decltype(number), Group, kWhole, kPacks>(ctx, op); });
  });
}

}  // namespace peer::ops::cuda
