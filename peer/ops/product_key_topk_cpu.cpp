#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "peer/ops/cpu_expert_twins.h"
#include "peer/ops/pick_columns.h"
#include "peer/ops/pick_selector.h"
#include "peer/ops/product_key_topk.h"
#include "peer/ops/row_kernels.h"
#include "peer/ops/score_filter.h"
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

// Whether the picks of several queries are sorted at once.
bool by_columns(std::int64_t k) { return k <= kColumnPicks; }

// The best sub-keys of a query are a list of keys, falling: K of them, or as many as columns have.
std::int64_t list_keys(std::int64_t k) { return std::max<std::int64_t>(k, kColumnPicks); }

// From the queries of a half to their best sub-keys, for one thread.
class HalfPicker {
 public:
  static std::int64_t floats_needed(const SubkeySet& set, std::int64_t k) {
    return kBlockQueries * (set.row_scores() + filter_lanes(k) + 1) + set.open + kRowsAtOnce;
  }
  static std::int64_t indices_needed(const SubkeySet& set) { return set.open + kScoreLanes; }

  // Working memory for sets of the shape of `set`; `steps` holds those of kBlockQueries queries.
  HalfPicker(const SubkeySet& set, std::int64_t k, float* floats, Step* steps, std::int32_t* index, PickSelector& selector)
      : k_(k),
        lanes_(filter_lanes(k)),
        filters_(by_columns(k) || filter_pays(set.open, k)),
        scores_(floats),
        maxima_(scores_ + kBlockQueries * set.row_scores()),
        bounds_(maxima_ + kBlockQueries * lanes_),
        exact_(bounds_ + kBlockQueries),
        steps_(steps),
        index_(index),
        selector_(selector),
        contenders_(std::min<std::int64_t>(k, kColumnPicks)) {}

  // best(i) = the list of query(i), i < count. key: the largest norms of the set's sub-keys.
  template <class Steps, class QueryAt, class BestAt>
  void pick_by_panels(const SubkeySet& set, Norms key, std::int64_t count, QueryAt&& query, BestAt&& best) {
    const std::int64_t steps = Steps::count(set.width);
    for (std::int64_t first = 0; first < count; first += kBlockQueries) {
      const std::int64_t block = std::min(kBlockQueries, count - first);
      for (std::int64_t q = 0; q < kBlockQueries; ++q)  // beyond the last query, that one again
        Steps::take(query(first + std::min(q, block - 1)), set.width, steps_ + q * steps);
      score_block<Steps>(steps_, set, scores_, maxima_, lanes_);
      if (by_columns(k_))
        sixteenth_largest_bounds(maxima_, kBlockQueries, bounds_);
      else
        for (std::int64_t q = 0; q < block; ++q) bounds_[q] = kth_largest_bound(maxima_ + q * lanes_, lanes_, k_);
      for (std::int64_t q = 0; q < block; ++q) {
        const float* scores = scores_ + q * set.row_scores();
        if constexpr (Steps::kExact)
          pick_of(set, scores, bounds_[q], best(first + q));
        else
          pick_of_near(set, query(first + q), scores, bounds_[q], key, best(first + q));
      }
    }
    contenders_.finish();
  }

  // Without panels.
  template <class QueryAt, class BestAt>
  void pick_by_dots(const SubkeySet& set, std::int64_t count, QueryAt&& query, BestAt&& best) {
    for (std::int64_t i = 0; i < count; ++i) pick_by_dots(set, query(i), best(i));
    contenders_.finish();
  }

 private:
  // May be called between the queries of a block.
  void pick_by_dots(const SubkeySet& set, const float* query, RankKey* best) {
    float maxima[kMostFilterLanes];
    dot_rows(
        query, set.width, set.open, [&](std::int64_t i) { return set.row(i); }, kAskForNothing, exact_);
    lane_maxima(exact_, set.open, lanes_, maxima);
    pick_of(set, exact_, kth_largest_bound(maxima, lanes_, k_), best);
  }

  // With fewer than K survivors (there is NaN) nothing is dropped.
  void pick_of(const SubkeySet& set, const float* scores, float bound, RankKey* best) {
    const std::int64_t count = filters_ ? collect_reaching(scores, set.open, bound, index_) : 0;
    if (count >= k_)
      take_best(
          count, [&](std::int64_t i) { return rank_key(scores[index_[i]], static_cast<std::uint32_t>(index_[i])); }, best);
    else
      take_best(
          set.open, [&](std::int64_t i) { return rank_key(scores[i], static_cast<std::uint32_t>(i)); }, best);
  }

  // Of scores that are up to a margin away from the true ones: at least K reach the true bound less one margin, and no near score of theirs
  // is more than another below that.
  void pick_of_near(const SubkeySet& set, const float* query, const float* scores, float bound, Norms key, RankKey* best) {
    const float slack = 2 * margin(norms_of(query, set.width), key, set.width);
    const std::int64_t count = collect_reaching(scores, set.open, bound - slack, index_);
    if (count < k_) return pick_by_dots(set, query, best);
    const auto row = [&](std::int64_t i) { return set.row(index_[std::min(i, count - 1)]); };
    dot_rows(query, set.width, (count + kRowsAtOnce - 1) / kRowsAtOnce * kRowsAtOnce, row, kAskForNothing, exact_);
    take_best(
        count, [&](std::int64_t i) { return rank_key(exact_[i], static_cast<std::uint32_t>(index_[i])); }, best);
  }

  // best = the best of count >= K keys.
  template <class KeyAt>
  void take_best(std::int64_t count, KeyAt&& key, RankKey* best) {
    if (!by_columns(k_) || count > kContenders) {
      selector_.best_of_half(count, key, best);
      std::fill(best + k_, best + list_keys(k_), kNoKey);
      return;
    }
    RankKey* keys = contenders_.next();
    for (std::int64_t i = 0; i < count; ++i) keys[i] = key(i);
    contenders_.add(count, best);
  }

  static constexpr std::int64_t kRowsAtOnce = 4;  // of dot_rows
  std::int64_t k_, lanes_;
  bool filters_;
  float *scores_, *maxima_, *bounds_, *exact_;
  Step* steps_;
  std::int32_t* index_;
  PickSelector& selector_;
  ContenderColumns contenders_;
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

void write_picks(const ProductKeyTopK& op, std::int64_t query, const RankKey* picks) {
  const std::int64_t k = op.row.shape[2], at = query * k;
  for (std::int64_t i = 0; i < k; ++i) {
    const std::uint32_t tie = tie_of(picks[i]);
    op.row.data[at + i] = static_cast<std::int32_t>(tie >> 16);
    op.column.data[at + i] = static_cast<std::int32_t>(tie & 0xffff);
    op.score.data[at + i] = score_of(picks[i]);
  }
}

template <class Steps>
void pick(Context& ctx, const ProductKeyTopK& op, bool by_panels) {
  const std::int64_t tokens = op.query.shape[0], heads = op.query.shape[1], width = op.query.shape[3], k = op.row.shape[2];
  const std::int64_t sets = op.rows.shape[0], heads_of_set = heads / sets;
  const std::int64_t chunk = std::clamp((tokens + kChunks - 1) / kChunks, kFewestTokens, kMostTokens), queries = chunk * heads;
  const SubkeySet shape{nullptr, op.open, width, nullptr};
  const std::int64_t panels = by_panels ? shape.panel_count() : 0, panel_steps = shape.panel_steps<Steps>();
  const std::int64_t floats_each = HalfPicker::floats_needed(shape, k), steps_each = kBlockQueries * Steps::count(width);
  const std::int64_t list = list_keys(k), lists_each = (2 * queries + kKeyLanes) * list;  // columns read whole groups of queries
  const std::int64_t keys_each = lists_each + PickSelector::keys_needed(op.open, k), indices_each = HalfPicker::indices_needed(shape);
  float* all_floats = ctx.scratch<float>(0, ctx.threads() * floats_each);
  RankKey* all_keys = ctx.scratch<RankKey>(1, ctx.threads() * keys_each);
  std::int32_t* all_indices = ctx.scratch<std::int32_t>(2, ctx.threads() * indices_each);
  Step* all_steps = ctx.scratch<Step>(3, ctx.threads() * steps_each + 2 * sets * panels * panel_steps);
  Norms* norms = ctx.scratch<Norms>(4, 2 * sets * panels);  // of every panel

  const auto set_of = [&](std::int64_t half, std::int64_t s) {
    return SubkeySet{(half == 0 ? op.rows : op.columns).row(s), op.open, width,
                     all_steps + ctx.threads() * steps_each + (half * sets + s) * panels * panel_steps};
  };

#pragma omp parallel num_threads(ctx.threads())
  {
    const std::int64_t thread = omp_get_thread_num();
    Step* steps = all_steps + thread * steps_each;
    RankKey* lists = all_keys + thread * keys_each;
    PickSelector selector(op.open, k, lists + lists_each);
    HalfPicker picker(shape, k, all_floats + thread * floats_each, steps, all_indices + thread * indices_each, selector);
    const auto best = [&](std::int64_t half, std::int64_t q) { return lists + (half * queries + q) * list; };

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
            picker.pick_by_dots(set, here * heads_of_set, query, best_of);
          }
        }
      for (std::int64_t q = 0; q < here * heads; q += kKeyLanes) {
        RankKey sums[kKeyLanes * kColumnPicks];
        const unsigned certain = by_columns(k) ? best_pairs(best(0, q), best(1, q), k, sums) : 0;
        for (std::int64_t l = 0, group = std::min(kKeyLanes, here * heads - q); l < group; ++l)
          write_picks(op, first * heads + q + l,
                      certain >> l & 1 ? sums + l * kColumnPicks : selector.best_of_pairs(best(0, q + l), best(1, q + l)));
      }
    }
  }
}

}  // namespace

void product_key_topk(Context& ctx, const ProductKeyTopK& op) {
  ctx.count_flops(work(op).flops);
  const bool by_panels = op.query.shape[0] * op.query.shape[1] >= kQueriesWorthPanels * op.rows.shape[0];
  // Without a filter every score counts, so that near ones are of no use.
  if (kMultipliesBf16 && filter_pays(op.open, op.row.shape[2]) && op.open * op.query.shape[3] >= kNumbersWorthNear)
    pick<Bf16Steps>(ctx, op, by_panels);
  else
    pick<Fp32Steps>(ctx, op, by_panels);
}

}  // namespace peer::ops::cpu
