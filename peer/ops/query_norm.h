#pragma once

#include "peer/base/options.h"
#include "peer/base/view.h"
#include "peer/device/context.h"

namespace peer {
enum class QueryNormKind { kNone, kBatch, kLayer, kRms };
template <>
struct EnumNames<QueryNormKind> {
  static constexpr std::pair<QueryNormKind, std::string_view> values[] = {
      {QueryNormKind::kNone, "none"}, {QueryNormKind::kBatch, "batch"}, {QueryNormKind::kLayer, "layer"}, {QueryNormKind::kRms, "rms"}};
};
}  // namespace peer

namespace peer::ops {

// Norm of the queries. A row of q is one token's Q = H*d_key query numbers; a group is what the statistics are over:
//   batch: each of the Q columns over the N tokens (He 2024, sec. 2.3);  layer, rms: each head's d_key numbers of a token.
//   y = (q - mean) * inverse_std * weight + bias         (rms: mean = 0, no bias; none: y = q)
// batch with statistics == kFrozen uses running_mean and running_variance as constants: an affine map, the same for any batch.
// batch with kBatch uses the batch's own (biased variance) and moves the running ones: r += momentum * (batch - r) (variance unbiased).
enum class Statistics { kBatch, kFrozen };

struct QueryNorm {
  QueryNormKind kind = QueryNormKind::kBatch;
  Statistics statistics = Statistics::kFrozen;
  View<const float, 3> q;       // (N, H, d_key)
  View<const float, 1> weight;  // (H*d_key); empty with none
  View<const float, 1> bias;    // (H*d_key); empty with none, rms
  float epsilon = 1e-5f;
  float momentum = 0.1f;
  View<float, 1> running_mean;      // (H*d_key); batch only: read when frozen, moved otherwise
  View<float, 1> running_variance;  // (H*d_key)
  View<float, 3> y;                 // (N, H, d_key)  set
  View<float, 1> mean;              // saved for backward: batch (H*d_key), layer (N*H); set, not used by none and rms
  View<float, 1> inverse_std;       // saved for backward: batch (H*d_key), layer and rms (N*H); set
};
inline Work work(const QueryNorm& op) {
  return {.flops = (op.kind == QueryNormKind::kNone ? 0.0 : 8.0) * numbers(op.q), .bytes = view_bytes(op.q, op.weight, op.bias, op.y)};
}
void query_norm(Context& ctx, const QueryNorm& op);

// Deterministic at a fixed number of threads.
struct QueryNormBackward {
  QueryNormKind kind = QueryNormKind::kBatch;
  Statistics statistics = Statistics::kFrozen;
  View<const float, 3> q;            // (N, H, d_key)
  View<const float, 1> weight;       // (H*d_key)
  View<const float, 1> mean;         // as saved
  View<const float, 1> inverse_std;  // as saved
  View<const float, 3> dy;           // (N, H, d_key)
  View<float, 3> dq;                 // (N, H, d_key)  set
  View<float, 1> dweight;            // (H*d_key)  added; empty: frozen
  View<float, 1> dbias;              // (H*d_key)  added; empty: frozen or none
};
inline Work work(const QueryNormBackward& op) {
  return {.flops = (op.kind == QueryNormKind::kNone ? 0.0 : 12.0) * numbers(op.q),
          .bytes = view_bytes(op.q, op.weight, op.dy, op.dq) + 2 * view_bytes(op.dweight, op.dbias)};
}
void query_norm_backward(Context& ctx, const QueryNormBackward& op);

}  // namespace peer::ops
