#include "peer/ops/router_gate.h"

#include "peer/base/require.h"
#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/device_dispatch.h"

namespace peer::ops {

void router_gate(Context& ctx, const RouterGate& op) {
  require(op.score.shape[2] >= 1 && op.gate.shape == op.score.shape, "router_gate: score and gate must be (N, H, K), K at least 1");
  dispatch<&CpuTwins::router_gate, cuda::router_gate>(ctx, "router_gate", op);
}

void router_gate_backward(Context& ctx, const RouterGateBackward& op) {
  require(op.dgate.shape == op.gate.shape && op.dscore.shape == op.gate.shape, "router_gate_backward: all views must be (N, H, K)");
  dispatch<&CpuTwins::router_gate_backward, cuda::router_gate_backward>(ctx, "router_gate_backward", op);
}

}  // namespace peer::ops
