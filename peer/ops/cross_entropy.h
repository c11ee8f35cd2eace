#pragma once

#include <cstdint>

#include "peer/base/view.h"
#include "peer/device/context.h"

namespace peer::ops {

// Next-token loss: nll[n] = logsumexp(logits[n]) - logits[n, target[n]], in nats; 0 where target[n] < 0 (not scored).
// Requires: target[n] < V.
struct CrossEntropy {
  View<const float, 2> logits;         // (N, V)
  View<const std::int32_t, 1> target;  // (N)
  View<float, 1> nll;                  // (N)  set
};
inline Work work(const CrossEntropy& op) { return {.flops = 4 * numbers(op.logits), .bytes = view_bytes(op.logits, op.target, op.nll)}; }
void cross_entropy(Context& ctx, const CrossEntropy& op);

// The same, and the logits become their own gradient: logits[n] <- scale * (softmax(logits[n]) - onehot(target[n])), 0 where not
// scored. Saves a second (N, V) buffer.
struct CrossEntropyWithGradient {
  View<float, 2> logits;               // (N, V)  logits in, dlogits out
  View<const std::int32_t, 1> target;  // (N)
  float scale = 1;                     // usually 1 / scored tokens
  View<float, 1> nll;                  // (N)  set
};
inline Work work(const CrossEntropyWithGradient& op) {
  return {.flops = 6 * numbers(op.logits), .bytes = 2 * view_bytes(op.logits) + view_bytes(op.target, op.nll)};
}
void cross_entropy_with_gradient(Context& ctx, const CrossEntropyWithGradient& op);

}  // namespace peer::ops
