#include <omp.h>

#include <algorithm>
#include <limits>

#include "peer/ops/cpu_expert_twins.h"
#include "peer/ops/product_key_scores.h"
#include "peer/ops/rank_key.h"
#include "peer/ops/score_filter.h"

namespace peer::ops::cpu {
namespace {

// A chunk of tokens: its scores of one half stay in the second level of cache between the GEMM and the selection. Few tokens would have the
// GEMM pack the sub-keys too often, so for many sub-keys the scores may be larger. Chunks depend on the shapes alone, so the bits of the
// scores do not depend on the number of threads.
constexpr std::int64_t kChunkScores = 128 * 1024, kMostScores = 512 * 1024;  // 512 KiB, 2 MiB
constexpr std::int64_t kChunks = 16, kFewestTokens = 16;

std::int64_t tokens_of_chunk(std::int64_t tokens, std::int64_t scores_of_token) {
  const std::int64_t even = std::max(kFewestTokens, (tokens + kChunks - 1) / kChunks);
  const std::int64_t cached = std::max(kChunkScores / scores_of_token, std::min(kFewestTokens, kMostScores / scores_of_token));
  return std::max<std::int64_t>(1, std::min(even, cached));
}

// The K best sub-keys of a half, falling.
struct Best {
  float* score;        // (K)
  std::uint32_t* key;  // (K)
};

// The selections of one thread, and its working memory.
class Selector {
 public:
  static std::int64_t keys_needed(std::int64_t open, std::int64_t k) { return 2 * key_room(std::max(open, k * k)); }
  static std::int64_t indices_needed(std::int64_t open, std::int64_t k) { return open + kScoreLanes + k; }

  Selector(std::int64_t open, std::int64_t k, RankKey* keys, std::int32_t* index)
      : open_(open), k_(k), keys_(keys), sorted_(keys + keys_needed(open, k) / 2), index_(index), partners_(index + open + kScoreLanes) {
    for (std::int64_t a = 0; a < k; ++a) partners_[a] = static_cast<std::int32_t>(k / (a + 1));
  }

  // The K largest of a row of `open` scores. Exact: whatever bound the filter used, what it dropped is below every survivor, and with
  // fewer than K survivors (there is NaN) nothing is dropped.
  void best_of_half(const float* scores, Best best) {
    std::int64_t survivors = filter(scores);
    if (survivors >= k_) {
      for (std::int64_t i = 0; i < survivors; ++i) keys_[i] = rank_key(scores[index_[i]], static_cast<std::uint32_t>(index_[i]));
    } else {
      survivors = open_;
#pragma omp simd
      for (std::int64_t i = 0; i < open_; ++i) keys_[i] = rank_key(scores[i], static_cast<std::uint32_t>(i));
    }
    take_largest(keys_, survivors, k_, sorted_);
#pragma omp simd
    for (std::int64_t i = 0; i < k_; ++i) best.score[i] = score_of(sorted_[i]), best.key[i] = tie_of(sorted_[i]);
  }

  // The K best sums of two halves' best. Sums fall along each half, so of the pairs (a, b) of ranks only those with (a+1)(b+1) <= K are
  // ranked at first. Those left out of row a are no better than the first one left out, the pair (a, K/(a+1)), and that pair has at
  // least K no worse than itself: the best of these border pairs bounds the K-th pick from below. Where it is strictly below the K-th
  // pick, so is all that was left out, and the picks are exact. Where it is not (rounding or different sub-keys made sums equal, or the
  // K-th is NaN), all K*K pairs are ranked.
  void best_of_pairs(Best rows, Best columns, std::int32_t* row, std::int32_t* column, float* score) {
    float border = -kInfinity;
    for (std::int64_t a = 1; a < k_; ++a) {
      const float sum = rows.score[a] + columns.score[partners_[a]];
      border = sum > border ? sum : border;
    }
    const float worst_of_first = rows.score[0] + columns.score[k_ - 1];
    rank_pairs(rows, columns, worst_of_first > border ? worst_of_first : border, [this](std::int64_t a) { return partners_[a]; });
    if (!(border < score_of(sorted_[k_ - 1]))) rank_pairs(rows, columns, -kInfinity, [this](std::int64_t) { return k_; });
#pragma omp simd
    for (std::int64_t i = 0; i < k_; ++i) {
      const std::uint32_t tie = tie_of(sorted_[i]);
      row[i] = static_cast<std::int32_t>(tie >> 16);
      column[i] = static_cast<std::int32_t>(tie & 0xffff);
      score[i] = score_of(sorted_[i]);
    }
  }

 private:
  // Ranks the pairs (a, b), b < count_of(a), that are not below `bound`: at least K, since NaN is not below anything.
  template <class CountOf>
  void rank_pairs(Best rows, Best columns, float bound, CountOf&& count_of) {
    std::int64_t pairs = 0;
    for (std::int64_t a = 0; a < k_; ++a)
      for (std::int64_t b = 0, count = count_of(a); b < count; ++b) {
        const float sum = rows.score[a] + columns.score[b];
        keys_[pairs] = rank_key(sum, rows.key[a] << 16 | columns.key[b]);
        pairs += !(sum < bound);
      }
    take_largest(keys_, pairs, k_, sorted_);
  }

  // How many of a row's scores reach a lower bound of its K-th largest (their numbers in index_); 0 where filtering does not pay.
  // About twice as many lanes as picks leave few survivors beyond the K.
  std::int64_t filter(const float* scores) {
    if (open_ < 4 * k_ || k_ > 64) return 0;
    const float bound = k_ <= 8    ? kth_largest_bound<1>(scores, open_, k_)
                        : k_ <= 16 ? kth_largest_bound<2>(scores, open_, k_)
                        : k_ <= 32 ? kth_largest_bound<4>(scores, open_, k_)
                                   : kth_largest_bound<8>(scores, open_, k_);
    return collect_reaching(scores, open_, bound, index_);
  }

  static constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::int64_t open_, k_;
  RankKey *keys_, *sorted_;
  std::int32_t *index_, *partners_;
};

}  // namespace

void product_key_topk(Context& ctx, const ProductKeyTopK& op) {
  const std::int64_t tokens = op.query.shape[0], heads = op.query.shape[1], k = op.row.shape[2], open = op.open;
  const std::int64_t chunk = tokens_of_chunk(tokens, heads * open), queries = chunk * heads;
  const std::int64_t keys_each = Selector::keys_needed(open, k), indices_each = Selector::indices_needed(open, k);
  float* all_scores = ctx.scratch<float>(0, ctx.threads() * queries * (open + 2 * k));
  std::uint32_t* all_best = ctx.scratch<std::uint32_t>(1, ctx.threads() * queries * 2 * k);
  RankKey* all_keys = ctx.scratch<RankKey>(2, ctx.threads() * keys_each);
  std::int32_t* all_indices = ctx.scratch<std::int32_t>(3, ctx.threads() * indices_each);

#pragma omp parallel for schedule(dynamic, 1) num_threads(ctx.threads())
  for (std::int64_t first = 0; first < tokens; first += chunk) {
    const std::int64_t thread = omp_get_thread_num(), rows = std::min(chunk, tokens - first) * heads;
    float* scores = all_scores + thread * queries * (open + 2 * k);
    float* best_scores = scores + queries * open;
    std::uint32_t* best_keys = all_best + thread * queries * 2 * k;
    const auto best = [&](int half, std::int64_t q) {
      return Best{best_scores + (half * queries + q) * k, best_keys + (half * queries + q) * k};
    };
    Selector selector(open, k, all_keys + thread * keys_each, all_indices + thread * indices_each);
    for (int half = 0; half < 2; ++half) {
      score_half(ctx, op, half, first, rows / heads, scores);
      for (std::int64_t q = 0; q < rows; ++q) selector.best_of_half(scores + q * open, best(half, q));
    }
    for (std::int64_t q = 0; q < rows; ++q) {
      const std::int64_t at = (first * heads + q) * k;
      selector.best_of_pairs(best(0, q), best(1, q), op.row.data + at, op.column.data + at, op.score.data + at);
    }
  }
}

}  // namespace peer::ops::cpu
