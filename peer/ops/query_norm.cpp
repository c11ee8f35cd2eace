#include "peer/ops/query_norm.h"

#include "peer/base/require.h"
#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/device_dispatch.h"

namespace peer::ops {
namespace {

// How many groups the statistics are over: the columns of batch norm, the heads of every token otherwise.
std::int64_t groups_of(QueryNormKind kind, View<const float, 3> q) {
  return kind == QueryNormKind::kBatch ? q.shape[1] * q.shape[2] : q.shape[0] * q.shape[1];
}

}  // namespace

void query_norm(Context& ctx, const QueryNorm& op) {
  using enum QueryNormKind;
  const std::int64_t columns = op.q.shape[1] * op.q.shape[2], groups = groups_of(op.kind, op.q);
  const bool centred = op.kind == kBatch || op.kind == kLayer;
  require(op.y.shape == op.q.shape, "query_norm: q and y must be (N, H, d_key)");
  require(op.kind == kNone || op.weight.shape[0] == columns, "query_norm: weight must be (H*d_key)");
  require(!centred || op.bias.shape[0] == columns, "query_norm: bias must be (H*d_key)");
  require(!centred || op.mean.shape[0] >= groups, "query_norm: mean must hold a number for each group");
  require(op.kind == kNone || op.inverse_std.shape[0] >= groups, "query_norm: inverse_std must hold a number for each group");
  require(op.kind != kBatch || (op.running_mean.shape[0] == columns && op.running_variance.shape[0] == columns),
          "query_norm: running_mean and running_variance must be (H*d_key)");
  if (op.q.size() > 0) dispatch<&CpuTwins::query_norm, cuda::query_norm>(ctx, "query_norm", op);
}

void query_norm_backward(Context& ctx, const QueryNormBackward& op) {
  using enum QueryNormKind;
  const std::int64_t columns = op.q.shape[1] * op.q.shape[2], groups = groups_of(op.kind, op.q);
  const bool centred = op.kind == kBatch || op.kind == kLayer;
  require(op.dy.shape == op.q.shape && op.dq.shape == op.q.shape, "query_norm_backward: q, dy and dq must be (N, H, d_key)");
  require(op.kind == kNone || op.weight.shape[0] == columns, "query_norm_backward: weight must be (H*d_key)");
  require(!centred || op.mean.shape[0] >= groups, "query_norm_backward: mean must hold a number for each group");
  require(op.kind == kNone || op.inverse_std.shape[0] >= groups, "query_norm_backward: inverse_std must hold a number for each group");
  require(op.dweight.empty() || op.dweight.shape[0] == columns, "query_norm_backward: dweight must be (H*d_key)");
  require(op.dbias.empty() || (op.dbias.shape[0] == columns && centred),
          "query_norm_backward: dbias must be (H*d_key) of a norm with a bias");
  if (op.q.size() > 0) dispatch<&CpuTwins::query_norm_backward, cuda::query_norm_backward>(ctx, "query_norm_backward", op);
}

}  // namespace peer::ops
