#include <omp.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "peer/ops/cpu_twins.h"
#include "peer/ops/head_rows.h"
#include "peer/ops/softmax_tile.h"
#include "peer/ops/step_pack.h"
#include "peer/ops/vector_math.h"

namespace peer::ops::cpu {
namespace {

constexpr std::int64_t kAhead = 2 * kTileRows;  // of queries that are asked for

// What one thread needs for a head: its keys in panels and its values, and of a tile of queries themselves, their scores and their outputs.
template <class Steps>
struct HeadMemory {
  std::int64_t time, width;
  Step *key_panels, *values;  // time is padded to kTileBlock
  Step* query;
  TileRows<float> score, y;

  static std::int64_t numbers(std::int64_t time, std::int64_t width) {
    return time * Steps::count(width) + time * whole_vectors(width) +
           kTileRows * (row_steps<Steps>(width) + time + kVectorLanes + whole_vectors(width));
  }
  HeadMemory(float* memory, std::int64_t padded_time, std::int64_t head_width) : time(padded_time), width(head_width) {
    const auto take = [&](std::int64_t count) { return std::exchange(memory, memory + count); };
    const auto take_steps = [&](std::int64_t count) { return reinterpret_cast<Step*>(take(count)); };
    key_panels = take_steps(time * Steps::count(width)), values = take_steps(time * whole_vectors(width));
    query = take_steps(kTileRows * row_steps<Steps>(width));
    // A row's distance is no power of two, of which a cache would keep few.
    score = {take(kTileRows * (time + kVectorLanes)), time + kVectorLanes},
    y = {take(kTileRows * whole_vectors(width)), whole_vectors(width)};
  }
};

// The queries of one head against its keys and values, a tile at a time: scores, softmax, sum of values.
template <class Steps>
void attend(const Attention& op, std::int64_t b, std::int64_t h, std::int64_t g, const HeadMemory<Steps>& mine) {
  const std::int64_t time = op.q.shape[1], width = op.q.shape[3], steps = Steps::count(width), row = row_steps<Steps>(width);
  const float factor = std::numbers::log2e_v<float> / std::sqrt(static_cast<float>(width));
  const TileRows<const float> q = head_rows(op.q, b, h), next_k = next_head_rows(op.k, b, g), next_v = next_head_rows(op.v, b, g);
  const TileRows<float> y = head_rows(op.y, b, h);
  float* lse = op.lse.row(b) + h * time;
  for (std::int64_t first = 0; first < time; first += kTileRows) {
    const std::int64_t count = std::min(kTileRows, time - first), keys = first + kTileRows, columns = whole_vectors(keys);
    ask_ahead(op.q, b, h, first + kAhead, kTileRows);
    ask_for_rows(next_k, first, first + count, width);
    float shift[kTileRows], sum[kTileRows], log_sum[kTileRows];
    pack_along<Steps>(q.from(first), count, kTileRows, width, mine.query);
    panel_product<Steps>({mine.query, row}, steps, mine.key_panels, columns, mine.score);
    hide_future(mine.score, first + 1, columns);
    ask_ahead(op.y, b, h, first + kAhead, kTileRows);
    ask_for_rows(next_v, first, first + count, width);
    powers<Steps>(mine.score, columns, factor, shift, sum);
    const TileOperand weights{reinterpret_cast<const Step*>(mine.score.data), mine.score.stride};
    tile_row_product<Steps>(weights, Steps::count(keys), {mine.values, mine.y.stride}, mine.y.stride, mine.y, false);
#pragma omp simd
    for (std::int64_t t = 0; t < kTileRows; ++t) log_sum[t] = shift[t] * std::numbers::ln2_v<float> + polynomial_log(sum[t]);
    for (std::int64_t t = 0; t < count; ++t) {
      lse[first + t] = log_sum[t];
      store_scaled(mine.y.row(t), 1.0f / sum[t], width, y.row(first + t));
    }
  }
}

template <class Steps>
void attend_all(Context& ctx, const Attention& op) {
  const auto [batch, time, heads, width] = op.q.shape;
  const std::int64_t key_heads = op.k.shape[2], group = heads / key_heads, padded = padded_rows(time);
  const std::int64_t scratch = HeadMemory<Steps>::numbers(padded, width);
  float* memory = ctx.scratch<float>(0, scratch * ctx.threads());
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t head = 0; head < batch * key_heads; ++head) {
    const std::int64_t b = head / key_heads, g = head % key_heads;
    const HeadMemory<Steps> mine(memory + omp_get_thread_num() * scratch, padded, width);
    pack_panels<Steps>(head_rows(op.k, b, g), time, padded, width, mine.key_panels);
    pack_across<Steps>(head_rows(op.v, b, g), time, padded, width, mine.values);
    for (std::int64_t h = g * group; h < (g + 1) * group; ++h) attend(op, b, h, g, mine);
  }
}

}  // namespace

void attention(Context& ctx, const Attention& op) {
  if (kMultipliesBf16 && ctx.precision() == Precision::kBf16)
    attend_all<Bf16Steps>(ctx, op);
  else
    attend_all<Fp32Steps>(ctx, op);
}

}  // namespace peer::ops::cpu
