#include <cmath>

#include "peer/ops/block_reduce.cuh"
#include "peer/ops/column_sums.cuh"
#include "peer/ops/cuda_expert_twins.h"

namespace peer::ops::cuda {
namespace {

constexpr int kSumsScratch = 1;  // slot 0 holds sums of whole columns

void batch_statistics(Context& ctx, const QueryNorm& op, std::int64_t tokens, std::int64_t columns) {
  double* mean = ctx.scratch<double>(0, columns);  // the variance needs more digits of it than op.mean keeps
  const double count = static_cast<double>(tokens);
  column_sums(
      ctx, kSumsScratch, tokens, columns,
      [=] __device__(std::int64_t n, std::int64_t c) { return static_cast<double>(op.q.data[n * columns + c]); },
      [=] __device__(std::int64_t c, double sum) {
        mean[c] = sum / count;
        op.mean[c] = static_cast<float>(mean[c]);
      });
  column_sums(
      ctx, kSumsScratch, tokens, columns,
      [=] __device__(std::int64_t n, std::int64_t c) {
        const double centred = static_cast<double>(op.q.data[n * columns + c]) - mean[c];
        return centred * centred;
      },
      [=] __device__(std::int64_t c, double squares) {
        const double variance = squares / count, unbiased = tokens > 1 ? squares / (count - 1) : variance;
        op.inverse_std[c] = static_cast<float>(1 / std::sqrt(variance + static_cast<double>(op.epsilon)));
        op.running_mean[c] += op.momentum * (op.mean[c] - op.running_mean[c]);
        op.running_variance[c] += op.momentum * (static_cast<float>(unbiased) - op.running_variance[c]);
      });
}

void batch_norm(Context& ctx, const QueryNorm& op) {
  const std::int64_t tokens = op.q.shape[0], columns = op.q.shape[1] * op.q.shape[2];
  if (op.statistics == Statistics::kBatch)
    batch_statistics(ctx, op, tokens, columns);
  else
    for_each_element(ctx, columns, [=] __device__(std::int64_t c) {
      op.mean[c] = op.running_mean[c];
      op.inverse_std[c] = 1 / std::sqrt(op.running_variance[c] + op.epsilon);
    });
  for_each_element(ctx, tokens * columns, [=] __device__(std::int64_t i) {
    const std::int64_t c = i % columns;
    op.y.data[i] = (op.q.data[i] - op.mean[c]) * op.inverse_std[c] * op.weight[c] + op.bias[c];
  });
}

// Layer and RMS norm: a warp takes a group, a token's head of `width` numbers.
void group_norm(Context& ctx, const QueryNorm& op) {
  const std::int64_t heads = op.q.shape[1], width = op.q.shape[2];
  const bool centre = op.kind == QueryNormKind::kLayer;
  for_each_warp(ctx, op.q.shape[0] * heads, [=] __device__(std::int64_t g, int lane) {
    const float *q = op.q.data + g * width, *weight = op.weight.data + g % heads * width, *bias = op.bias.data + g % heads * width;
    float* y = op.y.data + g * width;
    float sum = 0, squares = 0;
    if (centre)
      for (std::int64_t i = lane; i < width; i += kWarp) sum += q[i];
    const float mean = warp_sum(sum) / static_cast<float>(width);
    for (std::int64_t i = lane; i < width; i += kWarp) squares += (q[i] - mean) * (q[i] - mean);
    const float inverse_std = 1 / std::sqrt(warp_sum(squares) / static_cast<float>(width) + op.epsilon);
    if (lane == 0) {
      op.inverse_std[g] = inverse_std;
      if (centre) op.mean[g] = mean;
    }
    for (std::int64_t i = lane; i < width; i += kWarp) y[i] = (q[i] - mean) * inverse_std * weight[i] + (centre ? bias[i] : 0.0f);
  });
}

// The sums over tokens that both backwards need: op's dbias += sum dy, dweight += sum dy z, with z = (q - mean) * inverse_std and the
// group of column c at token n numbered by group_at. `dbias`, `dweight` (columns) also get the sums alone where they are not null.
template <class GroupAt>
void weight_gradients(Context& ctx, const QueryNormBackward& op, bool centre, GroupAt group_at, double* dbias, double* dweight) {
  const std::int64_t tokens = op.q.shape[0], columns = op.q.shape[1] * op.q.shape[2];
  if (dbias != nullptr || !op.dbias.empty())
    column_sums(
        ctx, kSumsScratch, tokens, columns,
        [=] __device__(std::int64_t n, std::int64_t c) { return static_cast<double>(op.dy.data[n * columns + c]); },
        [=] __device__(std::int64_t c, double sum) {
          if (!op.dbias.empty()) op.dbias[c] += static_cast<float>(sum);
          if (dbias != nullptr) dbias[c] = sum;
        });
  if (dweight != nullptr || !op.dweight.empty())
    column_sums(
        ctx, kSumsScratch, tokens, columns,
        [=] __device__(std::int64_t n, std::int64_t c) {
          const std::int64_t at = n * columns + c, g = group_at(n, c);
          return static_cast<double>(op.dy.data[at] * ((op.q.data[at] - (centre ? op.mean[g] : 0.0f)) * op.inverse_std[g]));
        },
        [=] __device__(std::int64_t c, double sum) {
          if (!op.dweight.empty()) op.dweight[c] += static_cast<float>(sum);
          if (dweight != nullptr) dweight[c] = sum;
        });
}

struct GroupOfColumn {
  __device__ std::int64_t operator()(std::int64_t, std::int64_t c) const { return c; }
};
struct GroupOfHead {
  std::int64_t heads, width;
  __device__ std::int64_t operator()(std::int64_t n, std::int64_t c) const { return n * heads + c / width; }
};

// dq of batch norm. With frozen statistics it is an affine map; with the batch's own, z = (q - mean) * inverse_std, per column:
//   dq = weight * inverse_std * (dy - mean_n(dy) - z * mean_n(dy z))
void batch_norm_backward(Context& ctx, const QueryNormBackward& op) {
  const std::int64_t tokens = op.q.shape[0], columns = op.q.shape[1] * op.q.shape[2];
  const bool own = op.statistics == Statistics::kBatch;
  double* dbias = own ? ctx.scratch<double>(0, 2 * columns) : nullptr;
  double* dweight = own ? dbias + columns : nullptr;
  weight_gradients(ctx, op, true, GroupOfColumn(), dbias, dweight);
  const double count = static_cast<double>(tokens);
  for_each_element(ctx, tokens * columns, [=] __device__(std::int64_t i) {
    const std::int64_t c = i % columns;
    const float shift = own ? static_cast<float>(dbias[c] / count) : 0.0f, slope = own ? static_cast<float>(dweight[c] / count) : 0.0f;
    const float z = (op.q.data[i] - op.mean[c]) * op.inverse_std[c];
    op.dq.data[i] = op.weight[c] * op.inverse_std[c] * (op.dy.data[i] - shift - z * slope);
  });
}

// dq of one group, u = dy * weight, z = (q - mean) * inverse_std:
//   dq = inverse_std * (u - mean(u) - z * mean(u z))       (rms: without mean(u))
void group_norm_backward(Context& ctx, const QueryNormBackward& op) {
  const std::int64_t heads = op.q.shape[1], width = op.q.shape[2];
  const bool centre = op.kind == QueryNormKind::kLayer;
  weight_gradients(ctx, op, centre, GroupOfHead{heads, width}, nullptr, nullptr);
  for_each_warp(ctx, op.q.shape[0] * heads, [=] __device__(std::int64_t g, int lane) {
    const float *q = op.q.data + g * width, *dy = op.dy.data + g * width, *weight = op.weight.data + g % heads * width;
    const float mean = centre ? op.mean[g] : 0.0f, inverse_std = op.inverse_std[g];
    float* dq = op.dq.data + g * width;
    float sum = 0, product = 0;
    for (std::int64_t i = lane; i < width; i += kWarp) {
      const float u = dy[i] * weight[i];
      sum += u;
      product += u * ((q[i] - mean) * inverse_std);
    }
    sum = warp_sum(sum);
    const float shift = centre ? sum / static_cast<float>(width) : 0, slope = warp_sum(product) / static_cast<float>(width);
    for (std::int64_t i = lane; i < width; i += kWarp)
      dq[i] = inverse_std * (dy[i] * weight[i] - shift - (q[i] - mean) * inverse_std * slope);
  });
}

void copy(Context& ctx, const float* from, float* to, std::int64_t count) {
  if (from == to) return;
  for_each_element(ctx, count, [=] __device__(std::int64_t i) { to[i] = from[i]; });
}

}  // namespace

void query_norm(Context& ctx, const QueryNorm& op) {
  switch (op.kind) {
    case QueryNormKind::kNone:
      return copy(ctx, op.q.data, op.y.data, op.q.size());
    case QueryNormKind::kBatch:
      return batch_norm(ctx, op);
    case QueryNormKind::kLayer:
    case QueryNormKind::kRms:
      return group_norm(ctx, op);
  }
}

void query_norm_backward(Context& ctx, const QueryNormBackward& op) {
  switch (op.kind) {
    case QueryNormKind::kNone:
      return copy(ctx, op.dy.data, op.dq.data, op.dy.size());
    case QueryNormKind::kBatch:
      return batch_norm_backward(ctx, op);
    case QueryNormKind::kLayer:
    case QueryNormKind::kRms:
      return group_norm_backward(ctx, op);
  }
}

}  // namespace peer::ops::cuda
