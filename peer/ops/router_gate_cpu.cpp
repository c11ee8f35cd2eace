#include <algorithm>
#include <cmath>

#include "peer/ops/cpu_expert_twins.h"
#include "peer/ops/vector_math.h"

namespace peer::ops::cpu {
namespace {

void softmax(const float* score, std::int64_t count, float* gate) {
  float largest = score[0];
  for (std::int64_t k = 1; k < count; ++k) largest = std::max(largest, score[k]);
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t k = 0; k < count; ++k) sum += gate[k] = polynomial_exp(score[k] - largest);
  const float scale = 1 / sum;
#pragma omp simd
  for (std::int64_t k = 0; k < count; ++k) gate[k] *= scale;
}

void softmax_backward(const float* gate, const float* dgate, std::int64_t count, float* dscore) {
  float mean = 0;
#pragma omp simd reduction(+ : mean)
  for (std::int64_t k = 0; k < count; ++k) mean += gate[k] * dgate[k];
#pragma omp simd
  for (std::int64_t k = 0; k < count; ++k) dscore[k] = gate[k] * (dgate[k] - mean);
}

}  // namespace

void router_gate(Context& ctx, const RouterGate& op) {
  const std::int64_t picks = op.score.shape[2], queries = op.score.shape[0] * op.score.shape[1];
  const GateKind kind = op.kind;
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t q = 0; q < queries; ++q) {
    const float* score = op.score.data + q * picks;
    float* gate = op.gate.data + q * picks;
    if (kind == GateKind::kSoftmax) {
      softmax(score, picks, gate);
    } else if (kind == GateKind::kSigmoid) {
#pragma omp simd
      for (std::int64_t k = 0; k < picks; ++k) gate[k] = logistic(score[k]);
    } else {
#pragma omp simd
      for (std::int64_t k = 0; k < picks; ++k) gate[k] = score[k] < 0 ? 0.0f : score[k];  // NaN stays NaN
    }
  }
}

void router_gate_backward(Context& ctx, const RouterGateBackward& op) {
  const std::int64_t picks = op.gate.shape[2], queries = op.gate.shape[0] * op.gate.shape[1];
  const GateKind kind = op.kind;
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t q = 0; q < queries; ++q) {
    const float *gate = op.gate.data + q * picks, *dgate = op.dgate.data + q * picks;
    float* dscore = op.dscore.data + q * picks;
    if (kind == GateKind::kSoftmax) {
      softmax_backward(gate, dgate, picks, dscore);
    } else if (kind == GateKind::kSigmoid) {
#pragma omp simd
      for (std::int64_t k = 0; k < picks; ++k) dscore[k] = gate[k] * (1 - gate[k]) * dgate[k];
    } else {
#pragma omp simd
      for (std::int64_t k = 0; k < picks; ++k) dscore[k] = gate[k] > 0 ? dgate[k] : 0.0f;
    }
  }
}

}  // namespace peer::ops::cpu
