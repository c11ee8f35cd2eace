#pragma once

#include <algorithm>
#include <cstdint>

#include "peer/base/view.h"
#include "peer/device/context.h"
#include "peer/ops/activation.h"
#include "peer/ops/adamw_rows.h"

namespace peer::ops {

// The backward of expert_mix and the update of the rows in one sweep over the experts: every record is read and written once, and the
// tokens' vectors are what is visited at random. It pays where touched rows take more memory than x, dy and dx and most are picked several
// times; otherwise expert_mix_backward and expert_row_update. For every pick s of expert e, with n = s / R and u = <dy[n], up[e]>:
//   dgate[s] = act(hidden[s]) u;   dhidden[s] = gate[s] act'(hidden[s]) u;   up_weight[s] = gate[s] act(hidden[s]);
//   dx[n] += dhidden[s] down[e];   ddown[e] += dhidden[s] x[n];   dup[e] += up_weight[s] dy[n];   then AdamW of e by the rule
// dx is summed in the order of the experts, each thread its share of them: deterministic at a fixed number of threads. All else has the
// same bits for any number. The workspace is (threads - 1) N D.
struct ExpertSweep {
  ActivationKind activation = ActivationKind::kGelu;
  RowRule rule;
  View<const float, 2> x;              // (N, D)
  View<const float, 2> dy;             // (N, D)
  View<const float, 2> gate;           // (N, R)
  View<const float, 2> hidden;         // (N, R)
  View<const std::int32_t, 1> order;   // (N*R)  of row_order
  View<const std::int64_t, 1> expert;  // (U)
  View<const std::int32_t, 1> begin;   // (U+1)
  ExpertRows rows;                     // those of trainable pages are updated in place
  View<float, 2> dgate;                // (N, R)  set
  View<float, 2> dhidden;              // (N, R)  set
  View<float, 2> up_weight;            // (N, R)  set
  View<float, 2> dx;                   // (N, D)  added
};
inline Work work(const ExpertSweep& op) {
  const auto picks = static_cast<double>(op.gate.size()), width = static_cast<double>(op.x.shape[1]);
  Work work = row_update_work(op.rows, trainable_records(op.rows, op.expert));
  work.flops += picks * (8 * width + 2 * kActivationFlops);
  work.bytes +=
      view_bytes(op.x, op.dy, op.gate, op.hidden, op.order, op.expert, op.dgate, op.dhidden, op.up_weight) + 2 * view_bytes(op.dx);
  return work;
}
void expert_sweep(Context& ctx, const ExpertSweep& op);

}  // namespace peer::ops
