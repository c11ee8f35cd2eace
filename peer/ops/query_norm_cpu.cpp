#include <algorithm>
#include <cmath>

#include "peer/ops/cpu_expert_twins.h"

namespace peer::ops::cpu {
namespace {

// Statistics over tokens are taken by blocks of columns, each by one thread from the first token to the last: the same bits for any
// number of threads and any width of the blocks. A block's sums are doubles, which keeps the mean of thousands of tokens exact to float.
// Wide blocks read whole stretches of a row; narrow ones are for more threads than there are wide blocks.
constexpr std::int64_t kBlock = 256, kNarrowBlock = 32;

std::int64_t block_width(Context& ctx, std::int64_t columns) {
  const std::int64_t even = columns / ctx.threads() / kNarrowBlock * kNarrowBlock;
  return std::clamp(even, kNarrowBlock, kBlock);
}

struct Columns {
  std::int64_t first, count;  // count <= kBlock
};

template <class Body>
void for_each_block(Context& ctx, std::int64_t columns, Body&& body) {
  const std::int64_t width = block_width(ctx, columns);
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t first = 0; first < columns; first += width) body(Columns{first, std::min(width, columns - first)});
}

// sum[c] = sum over tokens n of term(n, c), for the block's columns c.
template <class Term>
void sum_over_tokens(std::int64_t tokens, Columns block, double* sum, Term&& term) {
  std::fill_n(sum, kBlock, 0.0);
  for (std::int64_t n = 0; n < tokens; ++n) {
#pragma omp simd
    for (std::int64_t i = 0; i < block.count; ++i) sum[i] += term(n, block.first + i);
  }
}

void batch_statistics(Context& ctx, const QueryNorm& op, std::int64_t tokens, std::int64_t columns) {
  const float* q = op.q.data;
  for_each_block(ctx, columns, [&](Columns block) {
    double sum[kBlock], squares[kBlock];
    sum_over_tokens(tokens, block, sum, [&](std::int64_t n, std::int64_t c) { return static_cast<double>(q[n * columns + c]); });
    for (std::int64_t i = 0; i < block.count; ++i) op.mean[block.first + i] = static_cast<float>(sum[i] / static_cast<double>(tokens));
    sum_over_tokens(tokens, block, squares, [&](std::int64_t n, std::int64_t c) {
      const double centred = static_cast<double>(q[n * columns + c]) - sum[c - block.first] / static_cast<double>(tokens);
      return centred * centred;
    });
    for (std::int64_t i = 0; i < block.count; ++i) {
      const std::int64_t c = block.first + i;
      const double variance = squares[i] / static_cast<double>(tokens);
      const double unbiased = tokens > 1 ? squares[i] / static_cast<double>(tokens - 1) : variance;
      op.inverse_std[c] = static_cast<float>(1 / std::sqrt(variance + static_cast<double>(op.epsilon)));
      op.running_mean[c] += op.momentum * (op.mean[c] - op.running_mean[c]);
      op.running_variance[c] += op.momentum * (static_cast<float>(unbiased) - op.running_variance[c]);
    }
  });
}

void frozen_statistics(const QueryNorm& op, std::int64_t columns) {
  for (std::int64_t c = 0; c < columns; ++c) {
    op.mean[c] = op.running_mean[c];
    op.inverse_std[c] = 1 / std::sqrt(op.running_variance[c] + op.epsilon);
  }
}

void batch_norm(Context& ctx, const QueryNorm& op) {
  const std::int64_t tokens = op.q.shape[0], columns = op.q.shape[1] * op.q.shape[2];
  if (op.statistics == Statistics::kBatch)
    batch_statistics(ctx, op, tokens, columns);
  else
    frozen_statistics(op, columns);
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t n = 0; n < tokens; ++n) {
    const float *q = op.q.row(n), *mean = op.mean.data, *scale = op.inverse_std.data, *weight = op.weight.data, *bias = op.bias.data;
    float* y = op.y.row(n);
#pragma omp simd
    for (std::int64_t c = 0; c < columns; ++c) y[c] = (q[c] - mean[c]) * scale[c] * weight[c] + bias[c];
  }
}

// Layer and RMS norm: one group of `width` numbers, a token's head.
struct Group {
  float mean = 0, inverse_std = 0;
};

Group group_statistics(const float* q, std::int64_t width, bool centre, float epsilon) {
  float sum = 0, squares = 0;
  if (centre) {
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < width; ++i) sum += q[i];
  }
  const float mean = sum / static_cast<float>(width);
#pragma omp simd reduction(+ : squares)
  for (std::int64_t i = 0; i < width; ++i) squares += (q[i] - mean) * (q[i] - mean);
  return {mean, 1 / std::sqrt(squares / static_cast<float>(width) + epsilon)};
}

void group_norm(Context& ctx, const QueryNorm& op) {
  const std::int64_t heads = op.q.shape[1], width = op.q.shape[2], groups = op.q.shape[0] * heads;
  const bool centre = op.kind == QueryNormKind::kLayer;
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t g = 0; g < groups; ++g) {
    const float *q = op.q.data + g * width, *weight = op.weight.row(g % heads * width);
    float* y = op.y.data + g * width;
    const Group group = group_statistics(q, width, centre, op.epsilon);
    op.inverse_std[g] = group.inverse_std;
    if (centre) {
      op.mean[g] = group.mean;
      const float* bias = op.bias.row(g % heads * width);
#pragma omp simd
      for (std::int64_t i = 0; i < width; ++i) y[i] = (q[i] - group.mean) * group.inverse_std * weight[i] + bias[i];
    } else {
#pragma omp simd
      for (std::int64_t i = 0; i < width; ++i) y[i] = q[i] * group.inverse_std * weight[i];
    }
  }
}

// dq of batch norm. With frozen statistics it is an affine map; with the batch's own, z = (q - mean) * inverse_std, per column:
//   dq = weight * inverse_std * (dy - mean_n(dy) - z * mean_n(dy z))
void batch_norm_backward(Context& ctx, const QueryNormBackward& op) {
  const std::int64_t tokens = op.q.shape[0], columns = op.q.shape[1] * op.q.shape[2];
  const float *q = op.q.data, *dy = op.dy.data, *mean = op.mean.data, *scale = op.inverse_std.data, *weight = op.weight.data;
  float* dq = op.dq.data;
  const bool own = op.statistics == Statistics::kBatch;
  for_each_block(ctx, columns, [&](Columns block) {
    double dbias[kBlock], dweight[kBlock];
    if (own || !op.dbias.empty())
      sum_over_tokens(tokens, block, dbias, [&](std::int64_t n, std::int64_t c) { return static_cast<double>(dy[n * columns + c]); });
    if (own || !op.dweight.empty())
      sum_over_tokens(tokens, block, dweight, [&](std::int64_t n, std::int64_t c) {
        return static_cast<double>(dy[n * columns + c] * ((q[n * columns + c] - mean[c]) * scale[c]));
      });
    float shift[kBlock] = {}, slope[kBlock] = {};
    for (std::int64_t i = 0; i < block.count; ++i) {
      if (!op.dbias.empty()) op.dbias[block.first + i] += static_cast<float>(dbias[i]);
      if (!op.dweight.empty()) op.dweight[block.first + i] += static_cast<float>(dweight[i]);
      if (!own) continue;
      shift[i] = static_cast<float>(dbias[i] / static_cast<double>(tokens));
      slope[i] = static_cast<float>(dweight[i] / static_cast<double>(tokens));
    }
    for (std::int64_t n = 0; n < tokens; ++n) {
#pragma omp simd
      for (std::int64_t i = 0; i < block.count; ++i) {
        const std::int64_t c = block.first + i, at = n * columns + c;
        const float z = (q[at] - mean[c]) * scale[c];
        dq[at] = weight[c] * scale[c] * (dy[at] - shift[i] - z * slope[i]);
      }
    }
  });
}

// dq of one group, u = dy * weight, z = (q - mean) * inverse_std:
//   dq = inverse_std * (u - mean(u) - z * mean(u z))       (rms: without mean(u))
void group_backward(const float* q, const float* dy, const float* weight, std::int64_t width, bool centre, Group group, float* dq) {
  float sum = 0, product = 0;
#pragma omp simd reduction(+ : sum, product)
  for (std::int64_t i = 0; i < width; ++i) {
    const float u = dy[i] * weight[i];
    sum += u;
    product += u * ((q[i] - group.mean) * group.inverse_std);
  }
  const float shift = centre ? sum / static_cast<float>(width) : 0, slope = product / static_cast<float>(width);
#pragma omp simd
  for (std::int64_t i = 0; i < width; ++i) {
    const float z = (q[i] - group.mean) * group.inverse_std;
    dq[i] = group.inverse_std * (dy[i] * weight[i] - shift - z * slope);
  }
}

void group_norm_backward(Context& ctx, const QueryNormBackward& op) {
  const std::int64_t tokens = op.q.shape[0], heads = op.q.shape[1], width = op.q.shape[2], columns = heads * width;
  const bool centre = op.kind == QueryNormKind::kLayer;
  const auto group_at = [&](std::int64_t g) { return Group{centre ? op.mean[g] : 0.0f, op.inverse_std[g]}; };
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t g = 0; g < tokens * heads; ++g)
    group_backward(op.q.data + g * width, op.dy.data + g * width, op.weight.row(g % heads * width), width, centre, group_at(g),
                   op.dq.data + g * width);

  // The column sums go head by head, so that a block lies in one group of each token.
  const std::int64_t blocks = (width + kBlock - 1) / kBlock;
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t b = 0; b < heads * blocks; ++b) {
    const std::int64_t head = b / blocks, start = b % blocks * kBlock;
    const Columns block{head * width + start, std::min(kBlock, width - start)};
    double sum[kBlock];
    if (!op.dbias.empty()) {
      sum_over_tokens(tokens, block, sum, [&](std::int64_t n, std::int64_t c) { return static_cast<double>(op.dy.data[n * columns + c]); });
      for (std::int64_t i = 0; i < block.count; ++i) op.dbias[block.first + i] += static_cast<float>(sum[i]);
    }
    if (!op.dweight.empty()) {
      sum_over_tokens(tokens, block, sum, [&](std::int64_t n, std::int64_t c) {
        const Group group = group_at(n * heads + head);
        const std::int64_t at = n * columns + c;
        return static_cast<double>(op.dy.data[at] * ((op.q.data[at] - group.mean) * group.inverse_std));
      });
      for (std::int64_t i = 0; i < block.count; ++i) op.dweight[block.first + i] += static_cast<float>(sum[i]);
    }
  }
}

void copy(Context& ctx, const float* from, float* to, std::int64_t count) {
  if (from == to) return;
#pragma omp parallel for simd schedule(static) num_threads(ctx.threads())
  for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
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

}  // namespace peer::ops::cpu
