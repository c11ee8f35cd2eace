#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "peer/ops/cpu_expert_twins.h"
#include "peer/ops/pick_selector.h"
#include "peer/ops/product_key_topk.h"
#include "peer/ops/row_kernels.h"
#include "peer/ops/score_panels.h"

namespace peer::ops::cpu {
namespace {

// A chunk of tokens is one thread's work: enough of them to read the panels of a half from the second level of cache many times. Whatever
// the chunks and the threads, a query's scores are computed alike.
constexpr std::int64_t kChunks = 16, kFewestTokens = 16, kMostTokens = 64;
// Below this many queries a set of sub-keys, laying it out as panels costs more than it saves.
constexpr std::int64_t kQueriesWorthPanels = 32;
// Below this many numbers a set, scoring the candidates again takes longer than scores in bf16 save.
constexpr std::int64_t kNumbersWorthNear = 32 * 1024;

// From the queries of a half to their best sub-keys, for one thread.
class HalfPicker {
 public:
  static std::int64_t floats_needed(const SubkeySet& set, std::int64_t k) {
    return kBlockQueries * (set.row_scores() + filter_lanes(k)) + set.open;
  }
  static std::int64_t indices_needed(const SubkeySet& set) { return set.open + kScoreLanes; }

  // Working memory for sets of the shape of `set`; `steps` holds those of kBlockQueries queries.
  HalfPicker(const SubkeySet& set, std::int64_t k, float* floats, Step* steps, std::int32_t* index, PickSelector& selector)
      : k_(k),
        lanes_(filter_lanes(k)),
        scores_(floats),
        maxima_(scores_ + kBlockQueries * set.row_scores()),
        exact_(maxima_ + kBlockQueries * lanes_),
        steps_(steps),
        index_(index),
        selector_(selector) {}

  // best(i) of query(i), i < count. key: the largest norms of the set's sub-keys.
  template <class Steps, class QueryAt, class BestAt>
  void pick_by_panels(const SubkeySet& set, Norms key, std::int64_t count, QueryAt&& query, BestAt&& best) {
    const std::int64_t steps = Steps::count(set.width);
    for (std::int64_t first = 0; first < count; first += kBlockQueries) {
      const std::int64_t block = std::min(kBlockQueries, count - first);
      for (std::int64_t q = 0; q < kBlockQueries; ++q)  // beyond the last query, that one again
        Steps::take(query(first + std::min(q, block - 1)), set.width, steps_ + q * steps);
      score_block<Steps>(steps_, set, scores_, maxima_, lanes_);
      for (std::int64_t q = 0; q < block; ++q) {
        const float *scores = scores_ + q * set.row_scores(), *maxima = maxima_ + q * lanes_;
        if constexpr (Steps::kExact)
          pick_of(set, scores, maxima, best(first + q));
        else
          pick_of_near(set, query(first + q), scores, maxima, key, best(first + q));
      }
    }
  }

  // Without panels. May be called between the queries of a block: what it overwrites is the first query's, which had its turn.
  void pick_by_dots(const SubkeySet& set, const float* query, Best best) {
    dot_rows(
        query, set.width, set.open, [&](std::int64_t i) { return set.row(i); }, kAskForNothing, exact_);
    lane_maxima(exact_, set.open, lanes_, maxima_);
    pick_of(set, exact_, maxima_, best);
  }

 private:
  // How many scores reach the bound less `slack`, their numbers in index_.
  std::int64_t survivors(const SubkeySet& set, const float* scores, const float* maxima, float slack) {
    return collect_reaching(scores, set.open, kth_largest_bound(maxima, lanes_, k_) - slack, index_);
  }

  // With fewer than K survivors (there is NaN) nothing is dropped.
  void pick_of(const SubkeySet& set, const float* scores, const float* maxima, Best best) {
    const std::int64_t count = filter_pays(set.open, k_) ? survivors(set, scores, maxima, 0) : 0;
    if (count >= k_)
      selector_.best_of_half(
          count, [&](std::int64_t i) { return scores[index_[i]]; }, [&](std::int64_t i) { return index_[i]; }, best);
    else
      selector_.best_of_half(
          set.open, [&](std::int64_t i) { return scores[i]; }, [](std::int64_t i) { return i; }, best);
  }

  // Of scores that are up to a margin away from the true ones: at least K reach the true bound less one margin, and no near score of theirs
  // is more than another below that.
  void pick_of_near(const SubkeySet& set, const float* query, const float* scores, const float* maxima, Norms key, Best best) {
    const float slack = 2 * margin(norms_of(query, set.width), key, set.width);
    const std::int64_t count = survivors(set, scores, maxima, slack);
    if (count < k_) return pick_by_dots(set, query, best);
    dot_rows(
        query, set.width, count, [&](std::int64_t i) { return set.row(index_[i]); }, kAskForNothing, exact_);
    selector_.best_of_half(
        count, [&](std::int64_t i) { return exact_[i]; }, [&](std::int64_t i) { return index_[i]; }, best);
  }

  std::int64_t k_, lanes_;
  float *scores_, *maxima_, *exact_;
  Step* steps_;
  std::int32_t* index_;
  PickSelector& selector_;
};

// The larger of both; infinity where one is not finite, so that it is not overlooked.
float larger(float a, float b) { return b <= a ? a : std::isfinite(b) ? b : std::numeric_limits<float>::infinity(); }
Norms larger(Norms a, Norms b) { return {larger(a.all, b.all), larger(a.lost, b.lost)}; }

// Packs panel p of a set; returns the largest norms of its sub-keys, which only near scores need.
template <class Steps>
Norms pack(const SubkeySet& set, std::int64_t p, Step* row) {
  pack_panel<Steps>(set, p, row);
  Norms largest;
  if constexpr (!Steps::kExact)
    for (std::int64_t i = p * kPanelKeys, end = std::min(set.open, i + kPanelKeys); i < end; ++i)
      largest = larger(largest, norms_of(set.row(i), set.width));
  return largest;
}

template <class Steps>
void pick(Context& ctx, const ProductKeyTopK& op, bool by_panels) {
  const std::int64_t tokens = op.query.shape[0], heads = op.query.shape[1], width = op.query.shape[3], k = op.row.shape[2];
  const std::int64_t sets = op.rows.shape[0], heads_of_set = heads / sets;
  const std::int64_t chunk = std::clamp((tokens + kChunks - 1) / kChunks, kFewestTokens, kMostTokens), queries = chunk * heads;
  const SubkeySet shape{nullptr, op.open, width, nullptr};
  const std::int64_t panels = by_panels ? shape.panel_count() : 0, panel_steps = shape.panel_steps<Steps>();
  const std::int64_t floats_each = HalfPicker::floats_needed(shape, k) + queries * 2 * k, steps_each = kBlockQueries * Steps::count(width);
  const std::int64_t keys_each = PickSelector::keys_needed(op.open, k), own_indices = HalfPicker::indices_needed(shape),
                     indices_each = own_indices + PickSelector::indices_needed(op.open, k);
  const std::int64_t best_each = queries * 2 * k, ties_each = best_each + PickSelector::ties_needed(op.open, k);
  float* all_floats = ctx.scratch<float>(0, ctx.threads() * floats_each);
  std::uint32_t* all_best = ctx.scratch<std::uint32_t>(1, ctx.threads() * ties_each);
  RankKey* all_keys = ctx.scratch<RankKey>(2, ctx.threads() * keys_each);
  std::int32_t* all_indices = ctx.scratch<std::int32_t>(3, ctx.threads() * indices_each);
  Step* all_steps = ctx.scratch<Step>(4, ctx.threads() * steps_each + 2 * sets * panels * panel_steps);
  Norms* norms = ctx.scratch<Norms>(5, 2 * sets * panels);  // of every panel

  const auto set_of = [&](std::int64_t half, std::int64_t s) {
    return SubkeySet{(half == 0 ? op.rows : op.columns).row(s), op.open, width,
                     all_steps + ctx.threads() * steps_each + (half * sets + s) * panels * panel_steps};
  };

#pragma omp parallel num_threads(ctx.threads())
  {
    const std::int64_t thread = omp_get_thread_num();
    float* floats = all_floats + thread * floats_each;
    Step* steps = all_steps + thread * steps_each;
    std::int32_t* indices = all_indices + thread * indices_each;
    std::uint32_t* best_keys = all_best + thread * ties_each;
    PickSelector selector(op.open, k, all_keys + thread * keys_each, indices + own_indices, best_keys + best_each);
    HalfPicker picker(shape, k, floats, steps, indices, selector);
    float* best_scores = floats + floats_each - queries * 2 * k;
    const auto best = [&](std::int64_t half, std::int64_t q) {
      return Best{best_scores + (half * queries + q) * k, best_keys + (half * queries + q) * k};
    };

#pragma omp for schedule(static)
    for (std::int64_t p = 0; p < 2 * sets * panels; ++p)
      norms[p] = pack<Steps>(set_of(p / (sets * panels), p / panels % sets), p % panels, steps);

#pragma omp for schedule(dynamic, 1)
    for (std::int64_t first = 0; first < tokens; first += chunk) {
      const std::int64_t here = std::min(chunk, tokens - first);
      for (std::int64_t half = 0; half < 2; ++half)
        for (std::int64_t s = 0; s < sets; ++s) {
          // The queries of the set: of all heads, or of the head that has it.
          const std::int64_t stride = sets == 1 ? 1 : heads;
          const float* queries_of_set = op.query.row(first) + (2 * s + half) * width;
          const auto query = [&](std::int64_t i) { return queries_of_set + i * stride * 2 * width; };
          const auto best_of = [&](std::int64_t i) { return best(half, s + i * stride); };
          const SubkeySet set = set_of(half, s);
          if (by_panels) {
            Norms key;
            for (std::int64_t p = 0; p < panels; ++p) key = larger(key, norms[(half * sets + s) * panels + p]);
            picker.pick_by_panels<Steps>(set, key, here * heads_of_set, query, best_of);
          } else {
            for (std::int64_t i = 0; i < here * heads_of_set; ++i) picker.pick_by_dots(set, query(i), best_of(i));
          }
        }
      for (std::int64_t q = 0; q < here * heads; ++q) {
        const std::int64_t at = (first * heads + q) * k;
        selector.best_of_pairs(best(0, q), best(1, q), op.row.data + at, op.column.data + at, op.score.data + at);
      }
    }
  }
}

}  // namespace

void product_key_topk(Context& ctx, const ProductKeyTopK& op) {
  ctx.count_flops(work(op).flops);
  const bool by_panels = op.query.shape[0] * op.query.shape[1] >= kQueriesWorthPanels * op.rows.shape[0];
  // Without a filter every score counts, so that near ones are of no use.
  if (kBf16Scores && filter_pays(op.open, op.row.shape[2]) && op.open * op.query.shape[3] >= kNumbersWorthNear)
    pick<Bf16Steps>(ctx, op, by_panels);
  else
    pick<Fp32Steps>(ctx, op, by_panels);
}

}  // namespace peer::ops::cpu
