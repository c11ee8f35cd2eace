#pragma once

#include <cstdint>

#include "peer/base/view.h"
#include "peer/device/context.h"

namespace peer::ops {

// What changes from one step to the next, in memory of the ops' device: a step that was captured once reads it anew whenever it is
// replayed.
struct StepState {
  std::int64_t step = 1;  // t, from 1
  double share = 1;       // of the learning rates, by the schedule
  constexpr float rate(float learning_rate) const { return static_cast<float>(double{learning_rate} * share); }
};

// AdamW (Loshchilov & Hutter 2019), decoupled decay, bias-corrected. With g = gradient * min(1, clip / sqrt(squares)), t = now->step and
// lr = learning_rate * now->share:
//   m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;  w -= lr * ( (m/(1-b1^t)) / (sqrt(v/(1-b2^t)) + epsilon) + decay w )
struct AdamwRates {
  float learning_rate = 1e-3f;
  float beta1 = 0.9f, beta2 = 0.95f, epsilon = 1e-8f;
  float weight_decay = 0;
};

inline constexpr double kAdamwFlops = 16;  // a number

// Lazy Adam (as SparseAdam in PyTorch): a row of the tensor whose gradient is 0 throughout, such as a sub-key that no token picked, keeps
// its weights and its moments.
struct Adamw {
  AdamwRates rates;
  const StepState* now = nullptr;      // on the op's device
  double clip = 0;                     // 0: the gradient as it is
  View<const double, 1> squares = {};  // (1)  with clip: the sum of squares of everything that is clipped together
  View<const float, 1> gradient;       // (P)
  View<float, 1> weight;               // (P)  updated
  View<float, 1> m, v;                 // (P)  updated
  std::int64_t lazy_row = 0;           // numbers of a row, by which P divides; 0: every number is updated
};
// Of a lazy tensor as if every row had a gradient: which have none is known on the device alone.
inline Work work(const Adamw& op) {
  return {.flops = kAdamwFlops * numbers(op.weight), .bytes = view_bytes(op.gradient) + 2 * view_bytes(op.weight, op.m, op.v)};
}
void adamw(Context& ctx, const Adamw& op);

}  // namespace peer::ops
