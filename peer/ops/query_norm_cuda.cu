#include <cmath>

#include "peer/ops/block_reduce.cuh"
#include "peer/ops/column_sums.cuh"
#include "peer/ops/cuda_expert_twins.h"

namespace peer::ops::cuda {
namespace {

constexpr int kSumsScratch = 1;  // slot 0 holds what a norm needs of its columns

template <int kNumbers>
void batch_statistics(Context& ctx, const QueryNorm& op, std::int64_t tokens, std::int64_t columns) {
  using Sums = ColumnSums<1, kNumbers>;
  double* mean = ctx.scratch<double>(0, columns);  // the variance needs more digits of it than op.mean keeps
  const double count = static_cast<double>(tokens);
  column_sums<1, kNumbers>(
      ctx, kSumsScratch, tokens, columns,
      [=] __device__(std::int64_t n, std::int64_t c, Sums & sum) {
        const auto q = load_numbers<kNumbers>(op.q.data + n * columns + c);
        for (int i = 0; i < kNumbers; ++i) sum[0][i] += static_cast<double>(q.x[i]);
      },
      [=] __device__(std::int64_t c, const double* sum) {
        mean[c] = sum[0] / count;
        op.mean[c] = static_cast<float>(mean[c]);
      });
  column_sums<1, kNumbers>(
      ctx, kSumsScratch, tokens, columns,
      [=] __device__(std::int64_t n, std::int64_t c, Sums & sum) {
        const auto q = load_numbers<kNumbers>(op.q.data + n * columns + c);
        for (int i = 0; i < kNumbers; ++i) {
          const double centred = static_cast<double>(q.x[i]) - mean[c + i];
          sum[0][i] += centred * centred;
        }
      },
      [=] __device__(std::int64_t c, const double* squares) {
        const double variance = squares[0] / count, unbiased = tokens > 1 ? squares[0] / (count - 1) : variance;
        op.inverse_std[c] = static_cast<float>(1 / std::sqrt(variance + static_cast<double>(op.epsilon)));
        op.running_mean[c] += op.momentum * (op.mean[c] - op.running_mean[c]);
        op.running_variance[c] += op.momentum * (static_cast<float>(unbiased) - op.running_variance[c]);
      });
}

template <int kNumbers>
void batch_norm(Context& ctx, const QueryNorm& op) {
  using Numbers = LaneNumbers<kNumbers>;
  const std::int64_t tokens = op.q.shape[0], columns = op.q.shape[1] * op.q.shape[2];
  if (op.statistics == Statistics::kBatch)
    batch_statistics<kNumbers>(ctx, op, tokens, columns);
  else
    for_each_element(ctx, columns, [=] __device__(std::int64_t c) {
      op.mean[c] = op.running_mean[c];
      op.inverse_std[c] = 1 / std::sqrt(op.running_variance[c] + op.epsilon);
    });
  for_each_columns<kNumbers>(ctx, tokens, columns, [=] __device__(std::int64_t c, RowsOfPart rows) {
    const Numbers mean = load_numbers<kNumbers>(op.mean.data + c), inverse_std = load_numbers<kNumbers>(op.inverse_std.data + c);
    const Numbers weight = load_numbers<kNumbers>(op.weight.data + c), bias = load_numbers<kNumbers>(op.bias.data + c);
    for (std::int64_t n = rows.first; n < rows.end; n += kRowLanes) {
      Numbers y = load_numbers<kNumbers>(op.q.data + n * columns + c);
      for (int i = 0; i < kNumbers; ++i) y.x[i] = (y.x[i] - mean.x[i]) * inverse_std.x[i] * weight.x[i] + bias.x[i];
      store_numbers(y, op.y.data + n * columns + c);
    }
  });
}

// The group norms, layer and RMS: a warp takes a group, a token's head of `width` numbers. There are fewer than 2^32 groups, whose heads
// are found by a division of 32 bits.
__device__ std::int64_t first_column_of_head(std::int64_t group, std::int64_t heads, std::int64_t width) {
  return static_cast<std::int64_t>(static_cast<unsigned>(group) % static_cast<unsigned>(heads)) * width;
}

template <int kNumbers>
void group_norm(Context& ctx, const QueryNorm& op) {
  using Numbers = LaneNumbers<kNumbers>;
  const std::int64_t heads = op.q.shape[1], width = op.q.shape[2];
  const bool centre = op.kind == QueryNormKind::kLayer;
  for_each_warp(ctx, op.q.shape[0] * heads, [=] __device__(std::int64_t g, int lane) {
    const std::int64_t column = first_column_of_head(g, heads, width);
    const float *q = op.q.data + g * width, *weight = op.weight.data + column, *bias = op.bias.data + column;
    float* y = op.y.data + g * width;
    float sum = 0, squares = 0;
    if (centre)
      for (std::int64_t c = lane * kNumbers; c < width; c += kWarp * kNumbers) {
        const Numbers some = load_numbers<kNumbers>(q + c);
        for (int i = 0; i < kNumbers; ++i) sum += some.x[i];
      }
    const float mean = warp_sum(sum) / static_cast<float>(width);
    for (std::int64_t c = lane * kNumbers; c < width; c += kWarp * kNumbers) {
      const Numbers some = load_numbers<kNumbers>(q + c);
      for (int i = 0; i < kNumbers; ++i) squares += (some.x[i] - mean) * (some.x[i] - mean);
    }
    const float inverse_std = 1 / std::sqrt(warp_sum(squares) / static_cast<float>(width) + op.epsilon);
    if (lane == 0) {
      op.inverse_std[g] = inverse_std;
      if (centre) op.mean[g] = mean;
    }
    for (std::int64_t c = lane * kNumbers; c < width; c += kWarp * kNumbers) {
      Numbers some = load_numbers<kNumbers>(q + c);
      const Numbers w = load_numbers<kNumbers>(weight + c), b = centre ? load_numbers<kNumbers>(bias + c) : Numbers();
      for (int i = 0; i < kNumbers; ++i) some.x[i] = (some.x[i] - mean) * inverse_std * w.x[i] + b.x[i];
      store_numbers(some, y + c);
    }
  });
}

// What standardizes a lane's numbers: z = (q - mean) * inverse_std.
template <int kNumbers>
struct Standard {
  LaneNumbers<kNumbers> mean, inverse_std;
};

// The sums over tokens that both backwards need: op's dbias += sum dy, dweight += sum dy z, with what standard_at(n, c) says of token n and
// the columns from c on. Both at once, since they read the same; finish(c, {sum dy, sum dy z}) is called too.
template <int kNumbers, class StandardAt, class Finish>
void weight_gradients(Context& ctx, const QueryNormBackward& op, StandardAt standard_at, Finish finish) {
  const std::int64_t tokens = op.q.shape[0], columns = op.q.shape[1] * op.q.shape[2];
  column_sums<2, kNumbers>(
      ctx, kSumsScratch, tokens, columns,
      [=] __device__(std::int64_t n, std::int64_t c, ColumnSums<2, kNumbers> & sum) {
        const auto q = load_numbers<kNumbers>(op.q.data + n * columns + c), dy = load_numbers<kNumbers>(op.dy.data + n * columns + c);
        const Standard<kNumbers> by = standard_at(n, c);
        for (int i = 0; i < kNumbers; ++i) {
          sum[0][i] += static_cast<double>(dy.x[i]);
          sum[1][i] += static_cast<double>(dy.x[i] * ((q.x[i] - by.mean.x[i]) * by.inverse_std.x[i]));
        }
      },
      [=] __device__(std::int64_t c, const double* sum) {
        if (!op.dbias.empty()) op.dbias[c] += static_cast<float>(sum[0]);
        if (!op.dweight.empty()) op.dweight[c] += static_cast<float>(sum[1]);
        finish(c, sum);
      });
}

// dq of batch norm. With frozen statistics it is an affine map; with the batch's own, z = (q - mean) * inverse_std, per column:
//   dq = weight * inverse_std * (dy - mean_n(dy) - z * mean_n(dy z))
template <int kNumbers>
void batch_norm_backward(Context& ctx, const QueryNormBackward& op) {
  using Numbers = LaneNumbers<kNumbers>;
  const std::int64_t tokens = op.q.shape[0], columns = op.q.shape[1] * op.q.shape[2];
  const bool own = op.statistics == Statistics::kBatch;
  float* shift = ctx.scratch<float>(0, 2 * columns);  // the means, set and read where the statistics are the batch's own
  float* slope = shift + columns;
  const double count = static_cast<double>(tokens);
  if (own || !op.dweight.empty() || !op.dbias.empty())
    weight_gradients<kNumbers>(
        ctx, op,
        [=] __device__(std::int64_t, std::int64_t c) {
          return Standard<kNumbers>{load_numbers<kNumbers>(op.mean.data + c), load_numbers<kNumbers>(op.inverse_std.data + c)};
        },
        [=] __device__(std::int64_t c, const double* sum) {
          shift[c] = static_cast<float>(sum[0] / count);
          slope[c] = static_cast<float>(sum[1] / count);
        });
  for_each_columns<kNumbers>(ctx, tokens, columns, [=] __device__(std::int64_t c, RowsOfPart rows) {
    const Numbers mean = load_numbers<kNumbers>(op.mean.data + c), inverse_std = load_numbers<kNumbers>(op.inverse_std.data + c);
    const Numbers weight = load_numbers<kNumbers>(op.weight.data + c);
    const Numbers of_shift = own ? load_numbers<kNumbers>(shift + c) : Numbers();
    const Numbers of_slope = own ? load_numbers<kNumbers>(slope + c) : Numbers();
    for (std::int64_t n = rows.first; n < rows.end; n += kRowLanes) {
      const std::int64_t at = n * columns + c;
      const Numbers q = load_numbers<kNumbers>(op.q.data + at), dy = load_numbers<kNumbers>(op.dy.data + at);
      Numbers dq;
      for (int i = 0; i < kNumbers; ++i) {
        const float z = (q.x[i] - mean.x[i]) * inverse_std.x[i];
        dq.x[i] = weight.x[i] * inverse_std.x[i] * (dy.x[i] - of_shift.x[i] - z * of_slope.x[i]);
      }
      store_numbers(dq, op.dq.data + at);
    }
  });
}

// dq of one group, u = dy * weight, z = (q - mean) * inverse_std:
//   dq = inverse_std * (u - mean(u) - z * mean(u z))       (rms: without mean(u))
template <int kNumbers>
void group_norm_backward(Context& ctx, const QueryNormBackward& op) {
  using Numbers = LaneNumbers<kNumbers>;
  const std::int64_t heads = op.q.shape[1], width = op.q.shape[2];
  const bool centre = op.kind == QueryNormKind::kLayer;
  if (!op.dweight.empty() || !op.dbias.empty())
    weight_gradients<kNumbers>(
        ctx, op,
        [=] __device__(std::int64_t n, std::int64_t c) {
          const std::int64_t g = n * heads + static_cast<unsigned>(c) / static_cast<unsigned>(width);
          const float mean = centre ? op.mean[g] : 0.0f, inverse_std = op.inverse_std[g];
          Standard<kNumbers> by;
          for (int i = 0; i < kNumbers; ++i) by.mean.x[i] = mean, by.inverse_std.x[i] = inverse_std;
          return by;
        },
        [] __device__(std::int64_t, const double*) {});
  for_each_warp(ctx, op.q.shape[0] * heads, [=] __device__(std::int64_t g, int lane) {
    const float *q = op.q.data + g * width, *dy = op.dy.data + g * width;
    const float* weight = op.weight.data + first_column_of_head(g, heads, width);
    const float mean = centre ? op.mean[g] : 0.0f, inverse_std = op.inverse_std[g];
    float* dq = op.dq.data + g * width;
    float sum = 0, product = 0;
    for (std::int64_t c = lane * kNumbers; c < width; c += kWarp * kNumbers) {
      const Numbers x = load_numbers<kNumbers>(q + c), d = load_numbers<kNumbers>(dy + c), w = load_numbers<kNumbers>(weight + c);
      for (int i = 0; i < kNumbers; ++i) {
        const float u = d.x[i] * w.x[i];
        sum += u;
        product += u * ((x.x[i] - mean) * inverse_std);
      }
    }
    sum = warp_sum(sum);
    const float shift = centre ? sum / static_cast<float>(width) : 0, slope = warp_sum(product) / static_cast<float>(width);
    for (std::int64_t c = lane * kNumbers; c < width; c += kWarp * kNumbers) {
      const Numbers x = load_numbers<kNumbers>(q + c), d = load_numbers<kNumbers>(dy + c), w = load_numbers<kNumbers>(weight + c);
      Numbers out;
      for (int i = 0; i < kNumbers; ++i) out.x[i] = inverse_std * (d.x[i] * w.x[i] - shift - (x.x[i] - mean) * inverse_std * slope);
      store_numbers(out, dq + c);
    }
  });
}

void copy(Context& ctx, const float* from, float* to, std::int64_t count) {
  if (from == to) return;
  for_each_element(ctx, count, [=] __device__(std::int64_t i) { to[i] = from[i]; });
}

}  // namespace

// Lanes take so many neighbours as a head has them: of every kind of norm they are of one group.
void query_norm(Context& ctx, const QueryNorm& op) {
  if (op.kind == QueryNormKind::kNone) return copy(ctx, op.q.data, op.y.data, op.q.size());
  with_lane_numbers(op.q.shape[2], {op.q.data, op.y.data, op.weight.data, op.bias.data, op.mean.data, op.inverse_std.data},
                    [&]<int kNumbers>() {
                      if (op.kind == QueryNormKind::kBatch)
                        batch_norm<kNumbers>(ctx, op);
                      else
                        group_norm<kNumbers>(ctx, op);
                    });
}

void query_norm_backward(Context& ctx, const QueryNormBackward& op) {
  if (op.kind == QueryNormKind::kNone) return copy(ctx, op.dy.data, op.dq.data, op.dy.size());
  with_lane_numbers(op.q.shape[2], {op.q.data, op.dy.data, op.dq.data, op.weight.data, op.mean.data, op.inverse_std.data},
                    [&]<int kNumbers>() {
                      if (op.kind == QueryNormKind::kBatch)
                        batch_norm_backward<kNumbers>(ctx, op);
                      else
                        group_norm_backward<kNumbers>(ctx, op);
                    });
}

}  // namespace peer::ops::cuda
