#include <omp.h>

#include <algorithm>
#include <cmath>

#include "peer/ops/cpu_twins.h"
#include "peer/ops/row_kernels.h"
#include "peer/ops/vector_math.h"

namespace peer::ops::cpu {
namespace {

constexpr std::int64_t kAhead = 8;  // rows: the weights that were read since have pushed the cache out to memory

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

}  // namespace

// A key is read once a query head, from rows that lie Hkv*d numbers apart; with one token a row that is all the traffic there is.
void cached_attention(Context& ctx, const CachedAttention& op) {
  const auto [batch, time, heads, width] = op.q.shape;
  const std::int64_t group = heads / op.key.shape[2], stride = op.key.shape[2] * width, most = op.first_position + time;
  const float scale = 1.0f / std::sqrt(static_cast<float>(width));
  float* scores = ctx.scratch<float>(0, most * ctx.threads());
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t i = 0; i < batch * time * heads; ++i) {
    const std::int64_t b = i / heads / time, t = i / heads % time, h = i % heads, visible = op.first_position + t + 1;
    float* score = scores + omp_get_thread_num() * most;
    const float* key = op.key.row(b) + h / group * width;
    const float* value = op.value.row(b) + h / group * width;
    const auto later = [&](std::int64_t s) {
      return [=](std::int64_t column) {
        for (std::int64_t r = s; r < s + 4; ++r) {
          ask_for_line(key + std::min(r + kAhead, visible - 1) * stride + column);
          ask_for_line(value + r * stride + column);
        }
      };
    };
    const auto key_at = [&](std::int64_t s) { return key + s * stride; };
    if (h % group == 0)
      dot_rows(op.q.data + i * width, width, visible, key_at, later, score);
    else  // the heads that share a key follow one another
      dot_rows(op.q.data + i * width, width, visible, key_at, kAskForNothing, score);
#pragma omp simd
    for (std::int64_t s = 0; s < visible; ++s) score[s] *= scale;
    softmax(score, visible);
    float* y = op.y.data + i * width;
    std::fill(y, y + width, 0.0f);
    add_rows(
        y, width, visible, [&](std::int64_t s) { return value + s * stride; }, [&](std::int64_t s) { return score[s]; });
  }
}

}  // namespace peer::ops::cpu
