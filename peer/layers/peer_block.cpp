#include "peer/layers/peer_block.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "peer/base/digest.h"
#include "peer/base/require.h"
#include "peer/layers/centroids.h"
#include "peer/layers/initialise.h"
#include "peer/layers/lone_picks.h"
#include "peer/ops/expert_mix.h"
#include "peer/ops/expert_number.h"
#include "peer/ops/expert_row_gradient.h"
#include "peer/ops/expert_row_update.h"
#include "peer/ops/expert_sweep.h"
#include "peer/ops/page_use.h"
#include "peer/ops/product_key_topk.h"
#include "peer/ops/row_order.h"

namespace peer::layers {
namespace {

View<const float, 1> vector_or_none(const Parameter* p) { return p ? p->vector() : View<const float, 1>(); }
View<float, 1> gradient_or_none(Parameter* p) { return p && p->trainable() ? p->gradient_vector() : View<float, 1>(); }
View<float, 1> value_or_none(Parameter* p) { return p ? View<float, 1>(p->write().data(), p->size()) : View<float, 1>(); }

// On a CPU, of each thread: the picks of a chunk of tokens whose records stay in the caches between the halves of the backward, and the
// rows whose gradients are still in the second level of cache when they are used.
constexpr std::int64_t kCountedTokens = 256;  // of a batch, whose picks say which pages are used
constexpr std::int64_t kChunkPicks = 1024, kChunkRows = 256;

// Whether the rows of `touched` experts take more memory than the vectors that tokens bring along: x, dy and dx.
bool are_larger(const ops::ExpertRows& rows, std::int64_t touched, View<const float, 2> x) {
  return touched * rows.parameter_bytes() > 3 * x.size() * static_cast<std::int64_t>(sizeof(float));
}

// to[i] = from[i] for the first slices along the first dimension, as many as both have.
void copy_first(const Parameter* from, Parameter* to) {
  if (to != nullptr) std::copy_n(from->value().data(), std::min(from->size(), to->size()), to->write().data());
}

View<float, 3> gradient_keys(Parameter& p) { return {p.gradient.data(), p.shape[0], p.shape[1], p.shape[2]}; }

}  // namespace

PeerActivations::PeerActivations(Device device, std::int64_t tokens, const PeerOptions& o)
    : query(device, tokens * o.heads * o.d_key),
      normed(device, tokens * o.heads * o.d_key),
      mean(device, o.heads * std::max(o.d_key, tokens)),
      inverse_std(device, o.heads * std::max(o.d_key, tokens)),
      row(device, tokens * o.heads * o.top_k),
      column(device, tokens * o.heads * o.top_k),
      score(device, tokens * o.heads * o.top_k),
      gate(device, tokens * o.heads * o.top_k),
      hidden(device, tokens * o.heads * o.top_k),
      id(device, tokens * o.heads * o.top_k) {}

PeerWorkspace::PeerWorkspace(Device device, std::int64_t tokens, std::int64_t picks, std::int64_t query_width, std::int64_t width)
    : dgate(device, tokens * picks),
      dhidden(device, tokens * picks),
      up_weight(device, tokens * picks),
      dscore(device, tokens * picks),
      dnormed(device, tokens * query_width),
      dquery(device, tokens * query_width),
      order(device, tokens * picks),
      begin(device, tokens * picks + 1),
      expert(device, tokens * picks),
      gradient(device, kSegmentChunk * 2 * width) {}

PeerBlock::PeerBlock(Parameters& parameters, const std::string& prefix, BlockId id, const PeerOptions& options, std::int64_t width,
                     std::int64_t side, std::int64_t rows_per_page, std::uint64_t seed)
    : id_(id), options_(options), prefix_(prefix), experts_(width, rows_per_page, parameters.device(), options.rows), open_(side) {
  const std::int64_t q = query_width(), half = options.d_key / 2, sets = options.shared_sub_keys ? 1 : options.heads;
  require(options.d_key % 2 == 0, "peer_block: d_key must be even");
  require(options.top_k <= side, "peer_block: K must not exceed the side of the grid");
  query_ = &parameters.add(prefix + ".query.weight", {q, width}, ParameterGroup::kRouter);
  if (options.query_norm != QueryNormKind::kNone) {
    norm_weight_ = &parameters.add(prefix + ".query_norm.weight", {q}, ParameterGroup::kRouter);
    initialise_constant(norm_weight_->write(), 1.0f);
    if (options.query_norm != QueryNormKind::kRms) norm_bias_ = &parameters.add(prefix + ".query_norm.bias", {q}, ParameterGroup::kRouter);
  }
  if (options.query_norm == QueryNormKind::kBatch) {
    running_mean_ = &parameters.add(prefix + ".query_norm.running_mean", {q}, ParameterGroup::kStatistics);
    running_variance_ = &parameters.add(prefix + ".query_norm.running_var", {q}, ParameterGroup::kStatistics);
    initialise_constant(running_variance_->write(), 1.0f);
  } else {
    statistics_ = ops::Statistics::kFrozen;
  }
  rows_ = &parameters.add(prefix + ".sub_keys.rows", {sets, side, half}, ParameterGroup::kRouter);
  columns_ = &parameters.add(prefix + ".sub_keys.columns", {sets, side, half}, ParameterGroup::kRouter);
  for (Parameter* sub_keys : {rows_, columns_}) sub_keys->lazy_row = half;  // a sub-key that no token of a batch picked stays as it is
  parameters.draw(*query_, 1.0 / std::sqrt(static_cast<double>(width)), seed);
  const double key_deviation = std::sqrt(2.0 / static_cast<double>(options.d_key));
  for (Parameter* sub_keys : {rows_, columns_}) parameters.draw(*sub_keys, key_deviation, seed);
}

PeerBlock::NewExperts PeerBlock::append_experts(double up_deviation, bool trainable, std::uint64_t seed) {
  const std::int64_t first = experts_.count(), width = experts_.width();
  experts_.append(side() * side() - first, trainable);
  const double down_deviation = 1.0 / std::sqrt(static_cast<double>(width));
  return {first, [=, down = prefix_ + ".down", up = prefix_ + ".up"](std::int64_t i, float* row) {
            initialise_normal(row, width, down_deviation, seed, down, i * width);
            if (up_deviation > 0)
              initialise_normal(row + width, width, up_deviation, seed, up, i * width);
            else
              std::fill_n(row + width, width, 0.0f);
          }};
}

void PeerBlock::create_experts(double up_deviation, bool trainable, std::uint64_t seed) {
  const NewExperts added = append_experts(up_deviation, trainable, seed);
  experts_.fill_parameters(added.first, experts_.count() - added.first, added.draw);
}

void PeerBlock::extend(Parameters& parameters, std::int64_t new_side, bool trainable, std::uint64_t seed,
                       std::shared_ptr<DrawingTurn> turn) {
  const std::int64_t old_side = side(), half = options_.d_key / 2;
  require(new_side >= old_side, "peer_block: a grid never shrinks");
  const double key_deviation = std::sqrt(2.0 / static_cast<double>(options_.d_key));
  for (Parameter* keys : {rows_, columns_}) {
    parameters.grow(*keys, {keys->shape[0], new_side, half});
    for (std::int64_t set = 0; set < keys->shape[0]; ++set)
      initialise_normal(keys->write().data() + (set * new_side + old_side) * half, (new_side - old_side) * half, key_deviation, seed,
                        keys->name + "." + std::to_string(set), old_side * half);
  }
  NewExperts added = append_experts(0.0, trainable, seed);
  experts_.fill_parameters_later(added.first, std::move(added.draw), std::move(turn));
}

void PeerBlock::clone_router(const PeerBlock& from) {
  require(options_.d_key == from.options_.d_key && options_.query_norm == from.options_.query_norm &&
              options_.shared_sub_keys == from.options_.shared_sub_keys && experts_.width() == from.experts_.width(),
          "peer_block: a router is cloned from one of its kind");
  copy_first(from.query_, query_);
  copy_first(from.norm_weight_, norm_weight_);
  copy_first(from.norm_bias_, norm_bias_);
  const std::int64_t half = options_.d_key / 2, sets = std::min(rows_->shape[0], from.rows_->shape[0]),
                     both = std::min(side(), from.side());
  for (std::int64_t set = 0; set < sets; ++set) {
    std::copy_n(from.keys(*from.rows_).row(set), both * half, rows_->write().data() + set * side() * half);
    std::copy_n(from.keys(*from.columns_).row(set), both * half, columns_->write().data() + set * side() * half);
  }
}

// Queries are (N, H, 2, d_key/2). A set of sub-keys that the heads share meets the halves of all of them, a head's own set those of that
// head.
void PeerBlock::centre_sub_keys(Context& ctx, const PeerActivations& seen, std::uint64_t seed) {
  const std::int64_t d = options_.d_key, half = d / 2, sets = rows_->shape[0], queries = seen.normed.size() / d / sets;
  ctx.wait();
  for (Parameter* keys : {rows_, columns_})
    for (std::int64_t set = 0; set < sets; ++set) {
      const float* first = seen.normed.data() + set * d + (keys == columns_ ? half : 0);
      const Random random(seed ^ hash64_of(keys->name.data(), keys->name.size()), Purpose::kCentroid, static_cast<std::uint32_t>(set));
      spherical_centroids(ctx, {first, queries, half, sets * d}, random, {keys->write().data() + set * side() * half, side(), half});
    }
}

void PeerBlock::forward(Context& ctx, const Operand& x, PeerActivations& saved, View<float, 2> y, bool training) {
  if (training) experts_.draw_between_steps(ctx.threads());
  const std::int64_t n = x.rows(), h = options_.heads, k = options_.top_k, d = options_.d_key;
  saved.statistics = training ? statistics_ : ops::Statistics::kFrozen;
  linear(ctx, x, *query_, 0.0f, saved.query.view(n, h * d));
  ops::query_norm(ctx, {.kind = options_.query_norm,
                        .statistics = saved.statistics,
                        .q = saved.query.view(n, h, d),
                        .weight = vector_or_none(norm_weight_),
                        .bias = vector_or_none(norm_bias_),
                        .momentum = momentum_,
                        .running_mean = value_or_none(running_mean_),
                        .running_variance = value_or_none(running_variance_),
                        .y = saved.normed.view(n, h, d),
                        .mean = saved.mean.view(saved.mean.size()),
                        .inverse_std = saved.inverse_std.view(saved.inverse_std.size())});
  ops::product_key_topk(ctx, {.query = {saved.normed.data(), n, h, 2, d / 2},
                              .rows = keys(*rows_),
                              .columns = keys(*columns_),
                              .open = open_,
                              .row = saved.row.view(n, h, k),
                              .column = saved.column.view(n, h, k),
                              .score = saved.score.view(n, h, k)});
  ops::router_gate(ctx, {.kind = options_.gate, .score = saved.score.view(n, h, k), .gate = saved.gate.view(n, h, k)});
  ops::expert_number(ctx, {.row = saved.row.view(n * h * k), .column = saved.column.view(n * h * k), .id = saved.id.view(n * h * k)});
  if (const auto uses = experts_.uses(); !uses.empty())
    ops::page_use(ctx, {.id = saved.id.view(std::min(n, kCountedTokens), h * k), .page_shift = experts_.rows().page_shift, .uses = uses});
  if (ctx.device().is_cpu()) cold_rows_.ask_for(experts_.rows(), saved.id.view(n * h * k));
  ops::expert_mix(ctx, {.activation = options_.activation,
                        .x = x.numbers(),
                        .id = saved.id.view(n, h * k),
                        .gate = saved.gate.view(n, h * k),
                        .rows = staging_.stage(ctx, experts_.rows(), saved.id.view(n, h * k)),
                        .hidden = saved.hidden.view(n, h * k),
                        .y = y});
}

// Token by token or expert by expert: what lies in the larger memory is read once, and the other at random. Token-major: gates, hidden
// sums, dx. A row that only one token picked gets its gradient right after that token, while the record is in the cache: for a large pool
// that saves reading most records twice. The rows of several tokens come last, expert by expert.
void PeerBlock::backward(Context& ctx, const Operand& x, PeerActivations& saved, View<const float, 2> dy, PeerWorkspace& work,
                         View<float, 2> dx, const RowGradients& rows) {
  const std::int64_t tokens = x.rows(), r = picks();
  const Segments segments = rows.wanted() && experts_.trainable(0) ? sort_picks(ctx, saved, work, tokens) : Segments{};
  if (ctx.device().is_cpu() && rows.updated_at_once() && segments.lone == 0 && are_larger(experts_.rows(), segments.touched, x.numbers())) {
    expert_sweep(ctx, x.numbers(), saved, dy, work, dx, segments, rows);
    return router_backward(ctx, x, saved, work, dx);
  }
  const std::int64_t chunk = segments.lone > 0 ? std::max<std::int64_t>(1, kChunkPicks / r) * ctx.threads() : tokens;
  const ops::ExpertRows read = staging_.staged(ctx, experts_.rows(), saved.id.view(tokens, r));
  std::int64_t lone = 0;
  for (std::int64_t first = 0; first < tokens; first += chunk) {
    const std::int64_t end = std::min(first + chunk, tokens), begin = lone;
    mix_backward(ctx, read, saved, dy, work, dx, first, end - first);
    while (lone < segments.lone && work.order[lone] < end * r) ++lone;
    row_gradients(ctx, x.numbers(), dy, work, segments, begin, lone, rows);
  }
  router_backward(ctx, x, saved, work, dx);
  row_gradients(ctx, x.numbers(), dy, work, segments, segments.lone, segments.touched, rows);
}

PeerBlock::Segments PeerBlock::sort_picks(Context& ctx, PeerActivations& saved, PeerWorkspace& work, std::int64_t tokens) {
  const std::int64_t slots = tokens * picks();
  const View<std::int32_t, 1> order = work.order.view(slots);
  const std::int64_t touched = ops::row_order(ctx, {.id = saved.id.view(tokens, picks()),
                                                    .expert_count = experts_.count(),
                                                    .order = order,
                                                    .expert = work.expert.view(slots),
                                                    .begin = work.begin.view(slots + 1)});
  // On a GPU rows are read again at the speed of its memory, and sorting by hand would stop its queue.
  if (!ctx.device().is_cpu()) return {0, touched};
  const std::int64_t lone = lone_picks_first(ctx, order, work.expert.view(touched), work.begin.view(touched + 1));
  // Few lone picks do not pay for going through the tokens in chunks.
  return {2 * lone >= touched ? lone : 0, touched};
}

void PeerBlock::mix_backward(Context& ctx, const ops::ExpertRows& rows, PeerActivations& saved, View<const float, 2> dy,
                             PeerWorkspace& work, View<float, 2> dx, std::int64_t first, std::int64_t tokens) {
  const std::int64_t r = picks(), width = experts_.width();
  ops::expert_mix_backward(ctx, {.activation = options_.activation,
                                 .id = {saved.id.data() + first * r, tokens, r},
                                 .gate = {saved.gate.data() + first * r, tokens, r},
                                 .hidden = {saved.hidden.data() + first * r, tokens, r},
                                 .rows = rows,
                                 .dy = {dy.row(first), tokens, width},
                                 .dgate = {work.dgate.data() + first * r, tokens, r},
                                 .dhidden = {work.dhidden.data() + first * r, tokens, r},
                                 .up_weight = {work.up_weight.data() + first * r, tokens, r},
                                 .dx = {dx.row(first), tokens, width}});
}

void PeerBlock::expert_sweep(Context& ctx, View<const float, 2> x, PeerActivations& saved, View<const float, 2> dy, PeerWorkspace& work,
                             View<float, 2> dx, Segments segments, const RowGradients& rows) {
  const std::int64_t tokens = x.shape[0], r = picks();
  ops::expert_sweep(ctx, {.activation = options_.activation,
                          .rule = rows.rule(*this),
                          .x = x,
                          .dy = dy,
                          .gate = saved.gate.view(tokens, r),
                          .hidden = saved.hidden.view(tokens, r),
                          .order = work.order.view(tokens * r),
                          .expert = work.expert.view(segments.touched),
                          .begin = work.begin.view(segments.touched + 1),
                          .rows = experts_.rows(),
                          .dgate = work.dgate.view(tokens, r),
                          .dhidden = work.dhidden.view(tokens, r),
                          .up_weight = work.up_weight.view(tokens, r),
                          .dx = dx});
}

void PeerBlock::router_backward(Context& ctx, const Operand& x, PeerActivations& saved, PeerWorkspace& work, View<float, 2> dx) {
  const std::int64_t n = x.rows(), h = options_.heads, k = options_.top_k, d = options_.d_key;
  ops::router_gate_backward(
      ctx,
      {.kind = options_.gate, .gate = saved.gate.view(n, h, k), .dgate = work.dgate.view(n, h, k), .dscore = work.dscore.view(n, h, k)});
  ops::product_key_topk_backward(ctx, {.query = {saved.normed.data(), n, h, 2, d / 2},
                                       .rows = keys(*rows_),
                                       .columns = keys(*columns_),
                                       .row = saved.row.view(n, h, k),
                                       .column = saved.column.view(n, h, k),
                                       .dscore = work.dscore.view(n, h, k),
                                       .dquery = {work.dnormed.data(), n, h, 2, d / 2},
                                       .drows = gradient_keys(*rows_),
                                       .dcolumns = gradient_keys(*columns_)});
  ops::query_norm_backward(ctx, {.kind = options_.query_norm,
                                 .statistics = saved.statistics,
                                 .q = saved.query.view(n, h, d),
                                 .weight = vector_or_none(norm_weight_),
                                 .mean = saved.mean.view(saved.mean.size()),
                                 .inverse_std = saved.inverse_std.view(saved.inverse_std.size()),
                                 .dy = work.dnormed.view(n, h, d),
                                 .dq = work.dquery.view(n, h, d),
                                 .dweight = gradient_or_none(norm_weight_),
                                 .dbias = gradient_or_none(norm_bias_)});
  linear_backward(ctx, x, work.dquery.view(n, h * d), *query_, 1.0f, dx);
}

// The gradients of the segments [first, end).
void PeerBlock::row_gradients(Context& ctx, View<const float, 2> x, View<const float, 2> dy, PeerWorkspace& work, Segments segments,
                              std::int64_t first, std::int64_t end, const RowGradients& rows) {
  if (first == end) return;
  const std::int64_t n = x.shape[0], r = picks(), width = experts_.width();
  const View<const float, 2> dhidden = work.dhidden.view(n, r), up_weight = work.up_weight.view(n, r);
  const View<const std::int32_t, 1> order = work.order.view(n * r), begin = work.begin.view(segments.touched + 1);
  if (rows.updated_at_once()) {
    ops::expert_row_update(ctx, {.rule = rows.rule(*this),
                                 .x = x,
                                 .dy = dy,
                                 .dhidden = dhidden,
                                 .up_weight = up_weight,
                                 .order = order,
                                 .begin = begin,
                                 .first = first,
                                 .expert = {work.expert.data() + first, end - first},
                                 .rows = experts_.rows()});
    return;
  }
  const std::int64_t cached = ctx.device().is_cpu() ? kChunkRows * ctx.threads() : PeerWorkspace::kSegmentChunk;
  const std::int64_t chunk = std::min(cached, PeerWorkspace::kSegmentChunk);
  for (; first < end; first += chunk) {
    const std::int64_t count = std::min(chunk, end - first);
    const View<float, 2> gradient(work.gradient.data(), count, 2 * width);
    ops::expert_row_gradient(ctx, {.x = x,
                                   .dy = dy,
                                   .dhidden = dhidden,
                                   .up_weight = up_weight,
                                   .order = order,
                                   .begin = begin,
                                   .first = first,
                                   .gradient = gradient});
    rows(*this, {work.expert.data() + first, count}, gradient);
  }
}

}  // namespace peer::layers
