#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "peer/ops/cpu_twins.h"
#include "peer/ops/head_rows.h"
#include "peer/ops/softmax_tile.h"
#include "peer/ops/step_pack.h"

namespace peer::ops::cpu {
namespace {

// What one thread needs for a head. T is padded to kBlockRows; W is d in whole vectors.
template <class Steps>
struct BackwardMemory {
  Step *key_panels, *value_panels;                             // (T, d)
  Step *q_along, *dy_along, *q_across, *dy_across, *k_across;  // (T, W)
  float *dq, *dk, *dv;                                         // (T, W)
  float *lse, *dy_y;                                           // (T)  lse to the base of 2; <dy, y>
  TileRows<float> score, dp;                                   // (kBlockRows, kBlockRows)
  TileRows<Step> dscore_along;

  static std::int64_t numbers(std::int64_t time, std::int64_t width) {
    return 2 * time * Steps::count(width) + 8 * time * whole_vectors(width) + 2 * time + 3 * kBlockRows * kBlockRows;
  }
  BackwardMemory(float* memory, std::int64_t time, std::int64_t width) {
    const auto take = [&](std::int64_t count) { return std::exchange(memory, memory + count); };
    const auto take_steps = [&](std::int64_t count) { return reinterpret_cast<Step*>(take(count)); };
    const std::int64_t panels = time * Steps::count(width), rows = time * whole_vectors(width), block = kBlockRows * kBlockRows;
    key_panels = take_steps(panels), value_panels = take_steps(panels);
    q_across = take_steps(rows), dy_across = take_steps(rows), k_across = take_steps(rows);
    q_along = Steps::kNumbers > 1 ? take_steps(rows) : q_across, dy_along = Steps::kNumbers > 1 ? take_steps(rows) : dy_across;
    dq = take(rows), dk = take(rows), dv = take(rows);
    lse = take(time), dy_y = take(time);
    score = {take(block), kBlockRows}, dp = {take(block), kBlockRows}, dscore_along = {take_steps(block), kBlockRows};
  }
};

template <class Steps>
float dot_rounded(const float* a, const float* b, std::int64_t count) {
  VectorLanes sum = {};
  for (std::int64_t i = 0; i < count; i += kVectorLanes) sum += Steps::rounded(load_part(a + i, count - i)) * load_part(b + i, count - i);
  return sum_of(sum);
}

template <class Steps>
class HeadBackward {
 public:
  HeadBackward(const AttentionBackward& op, const BackwardMemory<Steps>& mine)
      : op_(op),
        mine_(mine),
        time_(op.q.shape[1]),
        width_(op.q.shape[3]),
        padded_(padded_rows(time_)),
        steps_(Steps::count(width_)),
        row_steps_(row_steps<Steps>(width_)),
        columns_(whole_vectors(width_)),
        scale_(1.0f / std::sqrt(static_cast<float>(width_))) {}

  // The gradients of key head g of batch b, and of the queries of its group.
  void run(std::int64_t b, std::int64_t g) {
    const std::int64_t group = op_.q.shape[2] / op_.k.shape[2];
    const TileRows<const float> k = head_rows(op_.k, b, g), v = head_rows(op_.v, b, g);
    pack_panels<Steps>(k, time_, padded_, width_, mine_.key_panels);
    pack_panels<Steps>(v, time_, padded_, width_, mine_.value_panels);
    pack_across<Steps>(k, time_, padded_, width_, mine_.k_across);
    for (std::int64_t h = g * group; h < (g + 1) * group; ++h) add_head(b, h, g);
  }

 private:
  // Key block after key block, each with the query blocks that see it. Queries come with the first of keys and leave with their own.
  void add_head(std::int64_t b, std::int64_t h, std::int64_t g) {
    const std::int64_t group = op_.q.shape[2] / op_.k.shape[2];
    const TileRows<const float> next_k = next_head_rows(op_.k, b, g), next_v = next_head_rows(op_.v, b, g);
    const TileRows<float> dq = head_rows(op_.dq, b, h), dk = head_rows(op_.dk, b, g), dv = head_rows(op_.dv, b, g);
    for (std::int64_t key = 0; key < time_; key += kBlockRows) {
      const std::int64_t key_end = std::min(key + kBlockRows, time_);
      for (const TileRows<float>& rows : {dq, dk, dv}) ask_for_rows(rows, key, key_end, width_);
      if (h % group == 0)
        for (float* sums : {mine_.dk, mine_.dv}) std::fill_n(sums + key * columns_, kBlockRows * columns_, 0.0f);
      for (std::int64_t first = key; first < time_; first += kBlockRows) {
        const std::int64_t end = std::min(first + kBlockRows, time_);
        if (key == 0) take_queries(b, h, first, end);
        add_block(first, end, key);
      }
      ask_for_rows(next_k, key, key_end, width_), ask_for_rows(next_v, key, key_end, width_);
      give(mine_.dq, key, key_end, scale_, dq);
      if ((h + 1) % group == 0) give(mine_.dk, key, key_end, scale_, dk), give(mine_.dv, key, key_end, 1, dv);
    }
  }

  // Rows [first, end) of finished sums.
  void give(const float* sums, std::int64_t first, std::int64_t end, float factor, TileRows<float> to) const {
    for (std::int64_t r = first; r < end; ++r) store_scaled(sums + r * columns_, factor, width_, to.row(r));
  }

  // Packs queries [first, end) and what belongs to them. Those behind the last weigh nothing.
  void take_queries(std::int64_t b, std::int64_t h, std::int64_t first, std::int64_t end) {
    const TileRows<const float> q = head_rows(op_.q, b, h), dy = head_rows(op_.dy, b, h), y = head_rows(op_.y, b, h);
    const float* lse = op_.lse.row(b) + h * time_;
    for (const View<const float, 4>& x : {op_.q, op_.dy, op_.y}) ask_ahead(x, b, h, first + kBlockRows, kBlockRows);
    const std::int64_t rows = end - first, across = first / Steps::kNumbers * columns_, along = first * row_steps_;
    pack_across<Steps>(q.from(first), rows, kBlockRows, width_, mine_.q_across + across);
    pack_across<Steps>(dy.from(first), rows, kBlockRows, width_, mine_.dy_across + across);
    if constexpr (Steps::kNumbers > 1) {
      pack_along<Steps>(q.from(first), rows, kBlockRows, width_, mine_.q_along + along);
      pack_along<Steps>(dy.from(first), rows, kBlockRows, width_, mine_.dy_along + along);
    }
    for (std::int64_t t = first; t < first + kBlockRows; ++t) {
      mine_.lse[t] = t < end ? std::numbers::log2e_v<float> * lse[t] : std::numeric_limits<float>::infinity();
      mine_.dy_y[t] = t < end ? dot_rounded<Steps>(dy.row(t), y.row(t), width_) : 0.0f;
    }
  }

  // What queries [first, end) and the block of keys from `key` on say of each other.
  void add_block(std::int64_t first, std::int64_t end, std::int64_t key) {
    constexpr std::int64_t kNumbers = Steps::kNumbers;
    for (std::int64_t query = first; query < end; query += kTileRows) {
      const std::int64_t row = query - first, keys = std::min(query + kTileRows - key, kBlockRows), seen = whole_vectors(keys);
      const TileRows<float> score = mine_.score.from(row), dp = mine_.dp.from(row);
      const TileRows<Step> dscore_along = mine_.dscore_along.from(row);
      panel_product<Steps>({mine_.q_along + query * row_steps_, row_steps_}, steps_, mine_.key_panels + key * steps_, seen, score);
      panel_product<Steps>({mine_.dy_along + query * row_steps_, row_steps_}, steps_, mine_.value_panels + key * steps_, seen, dp);
      hide_future(score, query + 1 - key, seen);
      softmax_gradients<Steps>(score, dp, seen, std::numbers::log2e_v<float> * scale_, mine_.lse + query, mine_.dy_y + query, dscore_along);
      const TileOperand dscore = kNumbers > 1 ? TileOperand{dscore_along.data, kBlockRows} : TileOperand{steps_at(dp.data), kBlockRows};
      tile_row_product<Steps>(dscore, Steps::count(keys), across(mine_.k_across, key), columns_, sums(mine_.dq, query), key > 0);
    }
    // The queries that see a tile of keys begin with that at its first.
    for (std::int64_t tile = key, last = std::min(key + kBlockRows, end); tile < last; tile += kTileRows) {
      const std::int64_t query = std::max(first, tile), row = query - first, steps = (end - query + kNumbers - 1) / kNumbers;
      const auto transposed = [&](const TileRows<float>& x) {
        return TileOperand{steps_at(x.row(row)) + tile - key, 1, kNumbers * kBlockRows};
      };
      tile_row_product<Steps>(transposed(mine_.dp), steps, across(mine_.q_across, query), columns_, sums(mine_.dk, tile), true);
      tile_row_product<Steps>(transposed(mine_.score), steps, across(mine_.dy_across, query), columns_, sums(mine_.dv, tile), true);
    }
  }

  static const Step* steps_at(const float* x) { return reinterpret_cast<const Step*>(x); }
  TileRows<const Step> across(const Step* x, std::int64_t row) const { return {x + row / Steps::kNumbers * columns_, columns_}; }
  TileRows<float> sums(float* x, std::int64_t row) const { return {x + row * columns_, columns_}; }

  const AttentionBackward& op_;
  const BackwardMemory<Steps>& mine_;
  std::int64_t time_, width_, padded_, steps_, row_steps_, columns_;
  float scale_;
};

// One thread owns a key head: it takes the query heads of its group in their order.
template <class Steps>
void all_gradients(Context& ctx, const AttentionBackward& op) {
  const std::int64_t key_heads = op.k.shape[2], padded = padded_rows(op.q.shape[1]), width = op.q.shape[3];
  const std::int64_t scratch = BackwardMemory<Steps>::numbers(padded, width);
  float* memory = ctx.scratch<float>(0, scratch * ctx.threads());
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t head = 0; head < op.q.shape[0] * key_heads; ++head) {
    const BackwardMemory<Steps> mine(memory + omp_get_thread_num() * scratch, padded, width);
    HeadBackward<Steps>(op, mine).run(head / key_heads, head % key_heads);
  }
}

}  // namespace

void attention_backward(Context& ctx, const AttentionBackward& op) {
  if (kMultipliesBf16 && ctx.precision() == Precision::kBf16)
    all_gradients<Bf16Steps>(ctx, op);
  else
    all_gradients<Fp32Steps>(ctx, op);
}

}  // namespace peer::ops::cpu
