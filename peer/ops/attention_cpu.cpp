#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "peer/ops/cpu_twins.h"
#include "peer/ops/row_kernels.h"
#include "peer/ops/tile_product.h"
#include "peer/ops/vector_math.h"

namespace peer::ops::cpu {
namespace {

// Queries of the backward whose scores are kept until they have met their keys: a few tiles' rows.
constexpr std::int64_t kQueryBlock = 4 * kTileRows;

// The (T, d) matrix of batch b and head h, where it lies in a (B, T, heads, d) tensor.
template <class T>
TileRows<T> head_rows(const View<T, 4>& x, std::int64_t b, std::int64_t h) {
  const auto [batch, time, heads, width] = x.shape;
  return {x.data + (b * time * heads + h) * width, heads * width};
}
template <class T>
TileRows<T> from(const TileRows<T>& x, std::int64_t row) {
  return {x.row(row), x.stride};
}
TileOperand operand(const TileRows<const float>& x, std::int64_t row) { return {x.row(row), x.stride}; }

// The same rows side by side: those of a tensor lie so far apart that a cache keeps few of them.
TileRows<const float> copy_rows(const TileRows<const float>& x, std::int64_t rows, std::int64_t width, float* to) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* row = x.row(r);
    std::int64_t i = 0;
    for (; i + kVectorLanes <= width; i += kVectorLanes) std::memcpy(to + r * width + i, row + i, sizeof(VectorLanes));
    for (; i < width; ++i) to[r * width + i] = row[i];
  }
  return {to, width};
}

// Rows of a head are too far apart for the machine to guess the next: the head after head h is asked for while h is worked on.
template <class T>
TileRows<T> next_head_rows(const View<T, 4>& x, std::int64_t b, std::int64_t h) {
  const std::int64_t next = std::min(b * x.shape[2] + h + 1, x.shape[0] * x.shape[2] - 1);
  return head_rows(x, next / x.shape[2], next % x.shape[2]);
}
void ask_for_rows(const TileRows<const float>& x, std::int64_t first, std::int64_t count, std::int64_t width) {
  for (std::int64_t r = first; r < first + count; ++r)
    for (std::int64_t i = 0; i < width; i += kCacheLineFloats) ask_for_line(x.row(r) + i);
}

std::int64_t padded(std::int64_t time) { return panels_of(time) * kTileColumns; }

// Rows of scores are taken in whole vectors, for which a row has room: what follows the last visible key is -infinity, whose exponential
// is 0. Returns the end of the last vector that holds one of the keys.
std::int64_t hide_future(float* score, std::int64_t visible, std::int64_t keys) {
  const std::int64_t end = (keys + kVectorLanes - 1) / kVectorLanes * kVectorLanes;
  for (std::int64_t s = visible / kVectorLanes * kVectorLanes; s < end; s += kVectorLanes)
#pragma omp simd
    for (std::int32_t i = 0; i < kVectorLanes; ++i) score[s + i] = i < visible - s ? score[s + i] : -std::numeric_limits<float>::infinity();
  return end;
}

float sum_of(VectorLanes lanes) {
  float sum = 0;
  for (std::int64_t i = 0; i < kVectorLanes; ++i) sum += lanes[i];
  return sum;
}

// Scores of one query -> exp(scale * (score - largest)); keys in [visible, keys) are in its future and get 0.
// Returns the sum; `lse` gets the log-sum-exp of the scaled scores.
float exponentials(float* score, std::int64_t visible, std::int64_t keys, float scale, float& lse) {
  const std::int64_t end = hide_future(score, visible, keys);
  VectorLanes largest_lanes = load_lanes(score), sum_lanes = {};
  for (std::int64_t s = kVectorLanes; s < end; s += kVectorLanes) {
    const VectorLanes lanes = load_lanes(score + s);
    largest_lanes = lanes > largest_lanes ? lanes : largest_lanes;
  }
  float largest = largest_lanes[0];
  for (std::int64_t i = 1; i < kVectorLanes; ++i) largest = largest_lanes[i] > largest ? largest_lanes[i] : largest;
  for (std::int64_t s = 0; s < end; s += kVectorLanes) {
#pragma omp simd
    for (std::int64_t i = 0; i < kVectorLanes; ++i) score[s + i] = polynomial_exp(scale * (score[s + i] - largest));
    sum_lanes += load_lanes(score + s);
  }
  const float sum = sum_of(sum_lanes);
  lse = scale * largest + std::log(sum);
  return sum;
}

// The queries of one head against keys and values (T, d), a tile's rows at a time: scores, softmax, sum of values. tile (kTileRows, padded
// T).
void attend(const Attention& op, std::int64_t b, std::int64_t h, std::int64_t g, const float* key_panels, const TileRows<const float>& v,
            float* tile) {
  const auto [batch, time, heads, width] = op.q.shape;
  const float scale = 1.0f / std::sqrt(static_cast<float>(width));
  const TileRows<float> scores{tile, padded(time)}, y = head_rows(op.y, b, h);
  const TileRows<const float> q = head_rows(op.q, b, h);
  const TileRows<const float> next[] = {next_head_rows(op.q, b, h), next_head_rows(op.k, b, g), next_head_rows(op.v, b, g)};
  float* lse = op.lse.row(b) + h * time;
  for (std::int64_t first = 0; first < time; first += kTileRows) {
    const std::int64_t count = std::min(kTileRows, time - first), keys = first + count;
    for (const TileRows<const float>& rows : next) ask_for_rows(rows, first, count, width);
    float sum[kTileRows];
    panel_product(operand(q, first), count, width, key_panels, keys, scores);
    for (std::int64_t t = 0; t < count; ++t) sum[t] = exponentials(scores.row(t), first + t + 1, keys, scale, lse[first + t]);
    small_product({tile, scores.stride}, count, keys, v, width, from(y, first), false);
    for (std::int64_t t = 0; t < count; ++t) {
      float* row = y.row(first + t);
      const float inverse = 1.0f / sum[t];
#pragma omp simd
      for (std::int64_t i = 0; i < width; ++i) row[i] *= inverse;
    }
  }
}

float dot(const float* a, const float* b, std::int64_t count) {
  VectorLanes lanes = {};
  std::int64_t i = 0;
  for (; i + kVectorLanes <= count; i += kVectorLanes) lanes += load_lanes(a + i) * load_lanes(b + i);
  float sum = sum_of(lanes);
  for (; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

// One query: p = exp(scale * score - lse), dscore = scale * p * (dp - <dy, y>), both 0 for keys in [visible, keys). In place: p over the
// scores, dscore over dp.
void softmax_backward(float* score, float* dp, std::int64_t visible, std::int64_t keys, float scale, float lse, float dy_y) {
  const std::int64_t end = hide_future(score, visible, keys);
  for (std::int64_t s = 0; s < end; s += kVectorLanes) {
#pragma omp simd
    for (std::int64_t i = s; i < s + kVectorLanes; ++i) {
      const float p = polynomial_exp(scale * score[i] - lse);
      score[i] = p;
      dp[i] = scale * p * (dp[i] - dy_y);
    }
  }
}

// What one thread needs for the backward of a head: keys and values in panels, rows side by side, and the scores of a block of queries.
struct HeadMemory {
  float *key_panels, *value_panels;  // (padded T, d), packed
  float *k, *q, *dy;                 // (T, d)
  TileRows<float> p, dscore;         // (kQueryBlock, padded T)

  static std::int64_t numbers(std::int64_t time, std::int64_t width) {
    return 2 * panel_numbers(time, width) + 3 * time * width + 2 * kQueryBlock * padded(time);
  }
  HeadMemory(float* memory, std::int64_t time, std::int64_t width) {
    const auto take = [&](std::int64_t count) { return std::exchange(memory, memory + count); };
    key_panels = take(panel_numbers(time, width)), value_panels = take(panel_numbers(time, width));
    k = take(time * width), q = take(time * width), dy = take(time * width);
    p = {take(kQueryBlock * padded(time)), padded(time)}, dscore = {take(kQueryBlock * padded(time)), padded(time)};
  }
};

// One query head: sets its dq; of its keys' dk and dv the first head of a group sets what it finds, the others add. The last block comes
// first: it sees every key.
void attend_backward(const AttentionBackward& op, std::int64_t b, std::int64_t h, std::int64_t g, const HeadMemory& mine) {
  const auto [batch, time, heads, width] = op.q.shape;
  const float scale = 1.0f / std::sqrt(static_cast<float>(width));
  const TileRows<const float> q = copy_rows(head_rows(op.q, b, h), time, width, mine.q),
                              dy = copy_rows(head_rows(op.dy, b, h), time, width, mine.dy), y = head_rows(op.y, b, h), k{mine.k, width};
  const TileRows<float> dq = head_rows(op.dq, b, h), dk = head_rows(op.dk, b, g), dv = head_rows(op.dv, b, g);
  const TileRows<float>&p = mine.p, &dscore = mine.dscore;
  const TileRows<const float> next[] = {next_head_rows(op.q, b, h), next_head_rows(op.y, b, h), next_head_rows(op.dy, b, h),
                                        next_head_rows(op.k, b, g), next_head_rows(op.v, b, g)};
  const float* lse = op.lse.row(b) + h * time;
  const std::int64_t last = (time - 1) / kQueryBlock * kQueryBlock, group = heads / op.k.shape[2];
  for (std::int64_t first = last; first >= 0; first -= kQueryBlock) {
    const std::int64_t end = std::min(first + kQueryBlock, time);
    const bool add = first < last || h % group > 0;
    for (const TileRows<const float>& rows : next) ask_for_rows(rows, first, end - first, width);
    for (std::int64_t tile = first; tile < end; tile += kTileRows) {
      const std::int64_t count = std::min(kTileRows, end - tile), keys = tile + count;
      const TileRows<float> p_rows = from(p, tile - first), dscore_rows = from(dscore, tile - first);
      panel_product(operand(q, tile), count, width, mine.key_panels, keys, p_rows);
      panel_product(operand(dy, tile), count, width, mine.value_panels, keys, dscore_rows);
      for (std::int64_t t = 0; t < count; ++t)
        softmax_backward(p_rows.row(t), dscore_rows.row(t), tile + t + 1, keys, scale, lse[tile + t],
                         dot(dy.row(tile + t), y.row(tile + t), width));
      small_product({dscore_rows.data, dscore.stride}, count, keys, k, width, from(dq, tile), false);
    }
    // What the block's queries say of each key that they see; those of a tile of keys begin with the queries at its first key.
    for (std::int64_t key = 0; key < end; key += kTileRows) {
      const std::int64_t count = std::min(kTileRows, end - key), query = std::max(first, key), row = query - first;
      small_product({dscore.row(row) + key, 1, dscore.stride}, count, end - query, from(q, query), width, from(dk, key), add);
      small_product({p.row(row) + key, 1, p.stride}, count, end - query, from(dy, query), width, from(dv, key), add);
    }
  }
}

}  // namespace

void attention(Context& ctx, const Attention& op) {
  const auto [batch, time, heads, width] = op.q.shape;
  const std::int64_t key_heads = op.k.shape[2], group = heads / key_heads, panels = panel_numbers(time, width), rows = time * width;
  const std::int64_t scratch = panels + rows + kTileRows * padded(time);
  float* memory = ctx.scratch<float>(0, scratch * ctx.threads());
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t head = 0; head < batch * key_heads; ++head) {
    const std::int64_t b = head / key_heads, g = head % key_heads;
    float *key_panels = memory + omp_get_thread_num() * scratch, *values = key_panels + panels, *tile = values + rows;
    pack_transposed(head_rows(op.k, b, g), time, width, key_panels);
    const auto v = copy_rows(head_rows(op.v, b, g), time, width, values);
    for (std::int64_t h = g * group; h < (g + 1) * group; ++h) attend(op, b, h, g, key_panels, v, tile);
  }
}

// One thread owns a key head: it takes the query heads of its group in their order.
void attention_backward(Context& ctx, const AttentionBackward& op) {
  const auto [batch, time, heads, width] = op.q.shape;
  const std::int64_t key_heads = op.k.shape[2], group = heads / key_heads;
  const std::int64_t scratch = HeadMemory::numbers(time, width);
  float* memory = ctx.scratch<float>(0, scratch * ctx.threads());
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t head = 0; head < batch * key_heads; ++head) {
    const std::int64_t b = head / key_heads, g = head % key_heads;
    const HeadMemory mine(memory + omp_get_thread_num() * scratch, time, width);
    pack_transposed(head_rows(op.k, b, g), time, width, mine.key_panels);
    pack_transposed(head_rows(op.v, b, g), time, width, mine.value_panels);
    copy_rows(head_rows(op.k, b, g), time, width, mine.k);
    for (std::int64_t h = g * group; h < (g + 1) * group; ++h) attend_backward(op, b, h, g, mine);
  }
}

}  // namespace peer::ops::cpu
