#pragma once

#include <cstdint>

#include "peer/base/view.h"
#include "peer/device/context.h"

namespace peer::ops {

// Distillation (Hinton et al. 2015; as LwF, Li & Hoiem 2016, a penalty on forgetting): with p = softmax(teacher / T) and
// q = softmax(student / T), divergence[n] = T^2 KL(p_n || q_n) in nats, a sum over the vocabulary; 0 where target[n] < 0 (not scored).
// The teacher's logits become the gradient for the student's: teacher[n] <- scale * T (q_n - p_n), 0 where not scored.
struct Distillation {
  View<const float, 2> student;        // (N, V)
  View<float, 2> teacher;              // (N, V)  logits in, gradient out
  View<const std::int32_t, 1> target;  // (N)
  float temperature = 1;               // T > 0
  float scale = 1;                     // the penalty's weight / scored tokens
  View<float, 1> divergence;           // (N)  set
};
inline Work work(const Distillation& op) {
  return {.flops = 14 * numbers(op.student), .bytes = view_bytes(op.student, op.target, op.divergence) + 2 * view_bytes(op.teacher)};
}
void distillation(Context& ctx, const Distillation& op);

}  // namespace peer::ops
