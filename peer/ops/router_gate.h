#pragma once

#include "peer/base/options.h"
#include "peer/base/view.h"
#include "peer/device/context.h"

namespace peer {
enum class GateKind { kSoftmax, kSigmoid, kRelu };
template <>
struct EnumNames<GateKind> {
  static constexpr std::pair<GateKind, std::string_view> values[] = {
      {GateKind::kSoftmax, "softmax"}, {GateKind::kSigmoid, "sigmoid"}, {GateKind::kRelu, "relu"}};
};
}  // namespace peer

namespace peer::ops {

// Router weights of the K retrieved: softmax over K (competing), or sigmoid / ReLU of each score (independent).   (He 2024, eq. 2)
struct RouterGate {
  GateKind kind = GateKind::kSoftmax;
  View<const float, 3> score;  // (N, H, K)
  View<float, 3> gate;         // (N, H, K)  set
};
inline Work work(const RouterGate& op) { return {.flops = 4 * numbers(op.score), .bytes = view_bytes(op.score, op.gate)}; }
void router_gate(Context& ctx, const RouterGate& op);

struct RouterGateBackward {
  GateKind kind = GateKind::kSoftmax;
  View<const float, 3> gate;   // (N, H, K)  as set by the forward
  View<const float, 3> dgate;  // (N, H, K)
  View<float, 3> dscore;       // (N, H, K)  set
};
inline Work work(const RouterGateBackward& op) {
  return {.flops = 4 * numbers(op.gate), .bytes = view_bytes(op.gate, op.dgate, op.dscore)};
}
void router_gate_backward(Context& ctx, const RouterGateBackward& op);

}  // namespace peer::ops
