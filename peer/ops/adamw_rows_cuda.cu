#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/record_update.cuh"

namespace peer::ops::cuda {
namespace {

template <class Number, class Group, bool kWhole, int kPacks>
void update(Context& ctx, const AdamwRows& op) {
  for_each_group<Group>(ctx, op.expert.shape[0], [=] __device__(std::int64_t c) {
    const TrainedRecord<Number> record = trained_record<kWhole, Number>(op.rows, op.expert[c]);
    if (record.expert < 0) return;
    ask_for<Group, kPacks>(record);
    RecordGradient<kPacks> gradient{};
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      const std::int64_t first = first_of_pack<Group>(p), left = record.count - first;
      if (left > 0) gradient.pack[p] = load_pack<kWhole>(op.gradient.row(c) + first, left);
    }
    begin_update<Group>(op.rule, record);
    finish_update<Group, kWhole>(op.rule.clip, record, gradient);
  });
}

}  // namespace

void adamw_rows(Context& ctx, const AdamwRows& op) {
  with_record_group(op.rows.width, [&]<class Group, bool kWhole, int kPacks>() {
    with_number_of(op.rows, [&](auto number) { update<decltype(number), Group, kWhole, kPacks>(ctx, op); });
  });
}

}  // namespace peer::ops::cuda
