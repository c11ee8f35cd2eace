#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "peer/base/view.h"
#include "peer/device/context.h"
#include "peer/ops/expert_rows.h"

namespace peer::ops {

// Copies the records of those picked experts whose pages are frozen and on the host into memory of the device, each once:
//   data[place[e] - 1] = [down | up] of e   for min(S, U) of the U different experts of this kind among id;   place[e] = 0 for all others.
// So a batch crosses the bus once for an expert, and not once for every pick, forward and backward. The order of the copies, and which
// experts have one where U > S, may differ from run to run on a GPU; what a reader of rows.staged finds is the same.
// Requires: 0 <= id < rows.count < 2^31; place, expert and taken are zero at first, and then as the call before left them.
struct StageExperts {
  View<const std::int64_t, 2> id;  // (N, R)
  ExpertRows rows;                 // where the records lie; rows.staged is not read
  View<std::int32_t, 1> place;     // (E)  set; 1 + the number of the expert's copy, or 0
  View<std::int32_t, 1> expert;    // (S)  set; 1 + the expert of each copy, or 0: the place is free
  View<std::uint32_t, 1> taken;    // (1)  set; U, or any number above S where U is above S
  View<std::byte, 2> data;         // (S, bytes of [down | up])  the copies are set
};
inline Work work(const StageExperts& op) {
  const auto staged = [&](std::int64_t expert) { return op.rows.page_of(expert).may_be_staged(); };
  const std::int64_t copies = std::min(op.expert.shape[0], different_experts(op.rows, op.id, staged));
  return {.bytes = view_bytes(op.id) + 2 * static_cast<double>(copies * op.rows.parameter_bytes())};
}
void stage_experts(Context& ctx, const StageExperts& op);

}  // namespace peer::ops
