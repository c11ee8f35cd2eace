#pragma once

#include <cstdint>

#include "peer/base/view.h"
#include "peer/device/context.h"
#include "peer/ops/activation.h"
#include "peer/ops/expert_rows.h"

namespace peer::ops {

// One-neuron experts: y[n] += sum_r gate[n,r] * act(<x[n], down[id[n,r]]>) * up[id[n,r]]       (He 2024, eq. 1)
// Nothing of size N*R*D exists. Deterministic for any number of threads.   Requires: 0 <= id < rows.count.
struct ExpertMix {
  ActivationKind activation = ActivationKind::kGelu;
  View<const float, 2> x;          // (N, D)  token vectors
  View<const std::int64_t, 2> id;  // (N, R)  local numbers of the retrieved experts, R = H*K
  View<const float, 2> gate;       // (N, R)  router weights
  ExpertRows rows;                 // (E, D) down and up rows, by page
  View<float, 2> hidden;           // (N, R)  set; <x, down>, saved for backward
  View<float, 2> y;                // (N, D)  added
};
inline Work work(const ExpertMix& op) {
  return {.flops = numbers(op.id) * (4 * static_cast<double>(op.rows.width) + kActivationFlops),
          .bytes = view_bytes(op.x, op.id, op.gate, op.hidden) + 2 * view_bytes(op.y) + picked_row_bytes(op.rows, op.id)};
}
void expert_mix(Context& ctx, const ExpertMix& op);

// Token-major half of the backward. With u = <dy[n], up[id]>:
//   dgate = act(hidden) u;   dhidden = gate act'(hidden) u;   up_weight = gate act(hidden);   dx[n] += sum_r dhidden down[id]
// The expert-major half (gradients of the rows) is expert_row_gradient, fed by dhidden and up_weight.
struct ExpertMixBackward {
  ActivationKind activation = ActivationKind::kGelu;
  View<const std::int64_t, 2> id;  // (N, R)
  View<const float, 2> gate;       // (N, R)
  View<const float, 2> hidden;     // (N, R)
  ExpertRows rows;
  View<const float, 2> dy;   // (N, D)
  View<float, 2> dgate;      // (N, R)  set
  View<float, 2> dhidden;    // (N, R)  set
  View<float, 2> up_weight;  // (N, R)  set
  View<float, 2> dx;         // (N, D)  added
};
inline Work work(const ExpertMixBackward& op) {
  return {.flops = numbers(op.id) * (4 * static_cast<double>(op.rows.width) + 2 * kActivationFlops),
          .bytes = view_bytes(op.id, op.gate, op.hidden, op.dy, op.dgate, op.dhidden, op.up_weight) + 2 * view_bytes(op.dx) +
                   picked_row_bytes(op.rows, op.id)};
}
void expert_mix_backward(Context& ctx, const ExpertMixBackward& op);

}  // namespace peer::ops
