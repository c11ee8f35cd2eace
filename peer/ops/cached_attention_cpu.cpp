#include <omp.h>

#include <algorithm>
#include <cmath>

#include "peer/ops/cpu_twins.h"
#include "peer/ops/row_kernels.h"
#include "peer/ops/vector_math.h"

namespace peer::ops::cpu {
namespace {

// The weights that were read since the last token have pushed the cache out to memory. So rows are read whole, the heads side by side, in
// blocks: what lies in memory one behind the other is asked for in that order.
constexpr std::int64_t kBlock = 4, kAhead = 16;  // rows
constexpr std::int64_t kColumns = 256;           // of the heads that are taken together, whose scores wait for each other

// As many query heads as one thread takes together, of those whose keys lie side by side in a row.
std::int64_t heads_together(std::int64_t heads, std::int64_t group, std::int64_t width, std::int64_t tokens, std::int64_t threads) {
  const std::int64_t parts = (threads + tokens - 1) / tokens;
  return std::clamp<std::int64_t>(std::min(kColumns / width * group, (heads + parts - 1) / parts), 1, heads);
}

// Scores -> weights that sum to 1.
void softmax(float* score, std::int64_t count) {
  float largest = score[0], sum = 0;
  for (std::int64_t s = 1; s < count; ++s) largest = std::max(largest, score[s]);
#pragma omp simd reduction(+ : sum)
  for (std::int64_t s = 0; s < count; ++s) {
    score[s] = polynomial_exp(score[s] - largest);
    sum += score[s];
  }
  const float inverse = 1.0f / sum;
  for (std::int64_t s = 0; s < count; ++s) score[s] *= inverse;
}

// Query heads [first, end) of one token, `group` a key head, over its first rows of keys and values, which lie `stride` numbers apart.
struct HeadsOfToken {
  std::int64_t first, end, group, width, stride, visible, most;
  const float *q, *key, *value;  // of all heads
  float *score, *y;              // (end - first, most); of all heads

  // visit(h, column of its keys, whether they were not visited before) for each head; those that share a key follow one another.
  template <class Visit>
  void for_each_head(Visit&& visit) const {
    for (std::int64_t h = first; h < end; ++h) visit(h, h / group * width, h == first || h % group == 0);
  }
  float* scores(std::int64_t h) const { return score + (h - first) * most; }
  void ask(const float* rows, std::int64_t row, std::int64_t count, std::int64_t column) const {
    for (std::int64_t r = row; r < std::min(row + count, visible); ++r) ask_for_line(rows + r * stride + column);
  }
  // The first rows, which nothing asked for on the way.
  void begin(const float* rows) const {
    for (std::int64_t r = 0; r < std::min(kAhead, visible); ++r)
      for (std::int64_t i = first / group * width; i < ((end - 1) / group + 1) * width; i += kCacheLineFloats) ask(rows, r, 1, i);
  }

  void score_all() const {
    begin(key);
    for (std::int64_t s = 0; s < visible; s += kBlock)
      for_each_head([&](std::int64_t h, std::int64_t column, bool anew) {
        const auto row = [&](std::int64_t r) { return key + (s + r) * stride + column; };
        const auto later = [&](std::int64_t r) { return [=, this](std::int64_t i) { ask(key, s + r + kAhead, kBlock, column + i); }; };
        const std::int64_t count = std::min(kBlock, visible - s);
        if (anew)
          dot_rows(q + h * width, width, count, row, later, scores(h) + s);
        else
          dot_rows(q + h * width, width, count, row, kAskForNothing, scores(h) + s);
      });
  }

  void add_all() const {
    std::fill_n(y + first * width, (end - first) * width, 0.0f);
    for (std::int64_t s = 0; s < visible; s += kBlock)
      for_each_head([&](std::int64_t h, std::int64_t column, bool anew) {
        if (anew)
          for (std::int64_t i = 0; i < width; i += kCacheLineFloats) ask(value, s + kAhead, kBlock, column + i);
        add_rows(
            y + h * width, width, std::min(kBlock, visible - s), [&](std::int64_t r) { return value + (s + r) * stride + column; },
            [&](std::int64_t r) { return scores(h)[s + r]; });
      });
  }
};

}  // namespace

void cached_attention(Context& ctx, const CachedAttention& op) {
  const auto [batch, time, heads, width] = op.q.shape;
  const std::int64_t key_heads = op.key.shape[2], group = heads / key_heads, most = op.first_position + time, tokens = batch * time;
  const std::int64_t together = heads_together(heads, group, width, tokens, ctx.threads()), parts = (heads + together - 1) / together;
  const float scale = 1.0f / std::sqrt(static_cast<float>(width));
  float* all_scores = ctx.scratch<float>(0, together * most * ctx.threads());
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t i = 0; i < tokens * parts; ++i) {
    const std::int64_t token = i / parts, b = token / time, t = token % time, first = i % parts * together;
    const HeadsOfToken some{.first = first,
                            .end = std::min(first + together, heads),
                            .group = group,
                            .width = width,
                            .stride = key_heads * width,
                            .visible = op.first_position + t + 1,
                            .most = most,
                            .q = op.q.data + token * heads * width,
                            .key = op.key.row(b),
                            .value = op.value.row(b),
                            .score = all_scores + omp_get_thread_num() * together * most,
                            .y = op.y.data + token * heads * width};
    some.score_all();
    some.begin(some.value);
    for (std::int64_t h = some.first; h < some.end; ++h) {
      float* score = some.scores(h);
#pragma omp simd
      for (std::int64_t s = 0; s < some.visible; ++s) score[s] *= scale;
      softmax(score, some.visible);
    }
    some.add_all();
  }
}

}  // namespace peer::ops::cpu
