#include "peer/layers/expert_staging.h"

#include "peer/ops/stage_experts.h"

namespace peer::layers {

void ExpertStaging::reserve(Device device, const ops::ExpertRows& rows, std::int64_t slots) {
  if (slots == this->slots() && (slots == 0 || place_.size() == rows.count)) return;
  const std::int64_t moves = moves_ + 1;
  *this = {};  // first, so that both need not fit
  moves_ = moves;
  if (slots == 0) return;
  place_ = Buffer<std::int32_t>(device, rows.count);
  expert_ = Buffer<std::int32_t>(device, slots);
  taken_ = Buffer<std::uint32_t>(device, 1);
  data_ = Buffer<std::byte>(device, slots * rows.parameter_bytes());
}

ops::ExpertRows ExpertStaging::stage(Context& ctx, const ops::ExpertRows& rows, View<const std::int64_t, 2> id) {
  picks_ = nullptr;
  return staged(ctx, rows, id);
}

ops::ExpertRows ExpertStaging::staged(Context& ctx, const ops::ExpertRows& rows, View<const std::int64_t, 2> id) {
  if (!serves(rows, id)) return rows;
  if (picks_ != id.data)
    ops::stage_experts(ctx, {.id = id,
                             .rows = rows,
                             .place = place_.view(place_.size()),
                             .expert = expert_.view(slots()),
                             .taken = taken_.view(1),
                             .data = data_.view(slots(), rows.parameter_bytes())});
  picks_ = id.data;
  ops::ExpertRows nearer = rows;
  nearer.staged = {place_.data(), data_.data()};
  return nearer;
}

}  // namespace peer::layers
