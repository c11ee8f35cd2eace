#include <omp.h>

#include <algorithm>
#include <cmath>

#include "peer/device/gemm.h"
#include "peer/ops/cpu_twins.h"
#include "peer/ops/vector_math.h"

namespace peer::ops::cpu {
namespace {

// Queries are taken in blocks of this many; a block's products stop at its last key. Smaller blocks waste less above the diagonal,
// larger ones make better GEMMs.
constexpr std::int64_t kQueryBlock = 64;

struct Block {
  std::int64_t first, count;
  std::int64_t keys() const { return first + count; }
};

std::int64_t block_count(std::int64_t time) { return (time + kQueryBlock - 1) / kQueryBlock; }
Block block_at(std::int64_t index, std::int64_t time) {
  const std::int64_t first = index * kQueryBlock;
  return {first, std::min(kQueryBlock, time - first)};
}

// Rows [first, first + count) of the (T, d) matrix of batch b and head h, where it lies in a (B, T, heads, d) tensor.
template <class T>
Matrix<T> head_rows(const View<T, 4>& x, std::int64_t b, std::int64_t h, std::int64_t first, std::int64_t count) {
  const auto [batch, time, heads, width] = x.shape;
  return {x.data + ((b * time + first) * heads + h) * width, count, width, heads * width};
}

// Scores of one query -> exp(scale * (score - largest)); keys in [visible, keys) are in its future and get 0.
// Returns the sum; `lse` gets the log-sum-exp of the scaled scores.
float exponentials(float* score, std::int64_t visible, std::int64_t keys, float scale, float& lse) {
  float largest = score[0], sum = 0;
#pragma omp simd reduction(max : largest)
  for (std::int64_t s = 1; s < visible; ++s) largest = score[s] > largest ? score[s] : largest;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t s = 0; s < visible; ++s) {
    const float e = polynomial_exp(scale * (score[s] - largest));
    score[s] = e;
    sum += e;
  }
  std::fill(score + visible, score + keys, 0.0f);
  lse = scale * largest + std::log(sum);
  return sum;
}

void attend(Context& ctx, const Attention& op, std::int64_t b, std::int64_t h, Block block, float* tile) {
  const std::int64_t g = h / (op.q.shape[2] / op.k.shape[2]), keys = block.keys(), width = op.q.shape[3];
  const float scale = 1.0f / std::sqrt(static_cast<float>(width));
  const Matrix<float> weights(tile, block.count, keys, keys);
  const Matrix<float> y = head_rows(op.y, b, h, block.first, block.count);
  float* lse = op.lse.row(b) + h * op.q.shape[1] + block.first;
  float sum[kQueryBlock];

  gemm(ctx, head_rows(op.q, b, h, block.first, block.count), Transpose::kNo, head_rows(op.k, b, g, 0, keys), Transpose::kYes, 0, weights);
  for (std::int64_t t = 0; t < block.count; ++t) sum[t] = exponentials(tile + t * keys, block.first + t + 1, keys, scale, lse[t]);
  gemm(ctx, weights, Transpose::kNo, head_rows(op.v, b, g, 0, keys), Transpose::kNo, 0, y);
  for (std::int64_t t = 0; t < block.count; ++t) {
    float* row = y.data + t * y.stride;
    const float inverse = 1.0f / sum[t];
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) row[i] *= inverse;
  }
}

float dot(const float* a, const float* b, std::int64_t count) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

// One query: p = exp(scale * score - lse), dscore = scale * p * (dp - <dy, y>). In place: p over the scores, dscore over dp.
void softmax_backward(float* score, float* dp, std::int64_t visible, std::int64_t keys, float scale, float lse, float dy_y) {
#pragma omp simd
  for (std::int64_t s = 0; s < visible; ++s) {
    const float p = polynomial_exp(scale * score[s] - lse);
    score[s] = p;
    dp[s] = scale * p * (dp[s] - dy_y);
  }
  std::fill(score + visible, score + keys, 0.0f);
  std::fill(dp + visible, dp + keys, 0.0f);
}

// beta 0 sets dk and dv over the block's keys, 1 adds to them.
void attend_backward(Context& ctx, const AttentionBackward& op, std::int64_t b, std::int64_t h, Block block, float beta, float* tiles) {
  const std::int64_t g = h / (op.q.shape[2] / op.k.shape[2]), keys = block.keys(), width = op.q.shape[3];
  const float scale = 1.0f / std::sqrt(static_cast<float>(width));
  const Matrix<float> p(tiles, block.count, keys, keys), dscore(tiles + block.count * keys, block.count, keys, keys);
  const auto q = head_rows(op.q, b, h, block.first, block.count), k = head_rows(op.k, b, g, 0, keys);
  const auto y = head_rows(op.y, b, h, block.first, block.count), v = head_rows(op.v, b, g, 0, keys);
  const auto dy = head_rows(op.dy, b, h, block.first, block.count);
  const float* lse = op.lse.row(b) + h * op.q.shape[1] + block.first;

  gemm(ctx, q, Transpose::kNo, k, Transpose::kYes, 0, p);
  gemm(ctx, dy, Transpose::kNo, v, Transpose::kYes, 0, dscore);
  for (std::int64_t t = 0; t < block.count; ++t) {
    const float dy_y = dot(dy.data + t * dy.stride, y.data + t * y.stride, width);
    softmax_backward(p.data + t * keys, dscore.data + t * keys, block.first + t + 1, keys, scale, lse[t], dy_y);
  }
  gemm(ctx, dscore, Transpose::kNo, k, Transpose::kNo, 0, head_rows(op.dq, b, h, block.first, block.count));
  gemm(ctx, dscore, Transpose::kYes, q, Transpose::kNo, beta, head_rows(op.dk, b, g, 0, keys));
  gemm(ctx, p, Transpose::kYes, dy, Transpose::kNo, beta, head_rows(op.dv, b, g, 0, keys));
}

}  // namespace

void attention(Context& ctx, const Attention& op) {
  const auto [batch, time, heads, width] = op.q.shape;
  const std::int64_t tile_size = std::min(kQueryBlock, time) * time;
  float* tiles = ctx.scratch<float>(0, tile_size * ctx.threads());
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t head = 0; head < batch * heads; ++head)
    for (std::int64_t i = 0; i < block_count(time); ++i)
      attend(ctx, op, head / heads, head % heads, block_at(i, time), tiles + omp_get_thread_num() * tile_size);
}

// One thread owns a key head: it adds the query heads of its group in their order. Within a head the last block comes first: it sees
// every key, so it can set dk and dv, and the others add.
void attention_backward(Context& ctx, const AttentionBackward& op) {
  const std::int64_t batch = op.q.shape[0], time = op.q.shape[1], key_heads = op.k.shape[2], group = op.q.shape[2] / key_heads;
  const std::int64_t tiles_size = 2 * std::min(kQueryBlock, time) * time;
  float* tiles = ctx.scratch<float>(0, tiles_size * ctx.threads());
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t head = 0; head < batch * key_heads; ++head) {
    const std::int64_t b = head / key_heads, g = head % key_heads;
    for (std::int64_t h = g * group; h < (g + 1) * group; ++h)
      for (std::int64_t i = block_count(time) - 1; i >= 0; --i) {
        const bool first = h == g * group && i == block_count(time) - 1;
        attend_backward(ctx, op, b, h, block_at(i, time), first ? 0.0f : 1.0f, tiles + omp_get_thread_num() * tiles_size);
      }
  }
}

}  // namespace peer::ops::cpu
