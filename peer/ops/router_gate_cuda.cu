#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/kernel_launch.cuh"
#include "peer/ops/vector_math.h"

namespace peer::ops::cuda {
namespace {

__device__ void softmax(const float* score, std::int64_t count, float* gate) {
  float largest = score[0], sum = 0;
  for (std::int64_t k = 1; k < count; ++k) largest = largest < score[k] ? score[k] : largest;
  for (std::int64_t k = 0; k < count; ++k) sum += gate[k] = polynomial_exp(score[k] - largest);
  const float scale = 1 / sum;
  for (std::int64_t k = 0; k < count; ++k) gate[k] *= scale;
}

__device__ void softmax_backward(const float* gate, const float* dgate, std::int64_t count, float* dscore) {
  float mean = 0;
  for (std::int64_t k = 0; k < count; ++k) mean += gate[k] * dgate[k];
  for (std::int64_t k = 0; k < count; ++k) dscore[k] = gate[k] * (dgate[k] - mean);
}

}  // namespace

// A thread takes the few picks of a query.
void router_gate(Context& ctx, const RouterGate& op) {
  const std::int64_t picks = op.score.shape[2];
  for_each_element(ctx, op.score.shape[0] * op.score.shape[1], [=] __device__(std::int64_t q) {
    const float* score = op.score.data + q * picks;
    float* gate = op.gate.data + q * picks;
    if (op.kind == GateKind::kSoftmax) return softmax(score, picks, gate);
    for (std::int64_t k = 0; k < picks; ++k)
      gate[k] = op.kind == GateKind::kSigmoid ? logistic(score[k]) : (score[k] < 0 ? 0.0f : score[k]);  // NaN stays NaN
  });
}

void router_gate_backward(Context& ctx, const RouterGateBackward& op) {
  const std::int64_t picks = op.gate.shape[2];
  for_each_element(ctx, op.gate.shape[0] * op.gate.shape[1], [=] __device__(std::int64_t q) {
    const float *gate = op.gate.data + q * picks, *dgate = op.dgate.data + q * picks;
    float* dscore = op.dscore.data + q * picks;
    if (op.kind == GateKind::kSoftmax) return softmax_backward(gate, dgate, picks, dscore);
    for (std::int64_t k = 0; k < picks; ++k)
      dscore[k] = op.kind == GateKind::kSigmoid ? gate[k] * (1 - gate[k]) * dgate[k] : (gate[k] > 0 ? dgate[k] : 0.0f);
  });
}

}  // namespace peer::ops::cuda
