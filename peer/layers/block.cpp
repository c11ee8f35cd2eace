#include "peer/layers/block.h"

#include <algorithm>
#include <cstring>

#include "peer/layers/initialise.h"
#include "peer/ops/rms_norm.h"

namespace peer::layers {
namespace {

Parameter& norm_weight(Parameters& parameters, const std::string& name, std::int64_t width) {
  Parameter& p = parameters.add(name, {width}, ParameterGroup::kTrunk);
  initialise_constant(p.value, 1.0f);
  return p;
}

// One kind of adapters of each generation; null where it has none here.
template <class Adapters>
std::vector<const Adapters*> adapters_of(std::span<LayerDelta* const> path, std::optional<Adapters> LayerDelta::*kind) {
  std::vector<const Adapters*> adapters;
  for (LayerDelta* delta : path) adapters.push_back(delta->*kind ? &*(delta->*kind) : nullptr);
  return adapters;
}

template <class Adapters>
std::vector<std::int64_t> ranks_of(std::span<LayerDelta* const> path, std::optional<Adapters> LayerDelta::*kind) {
  std::vector<std::int64_t> ranks;
  for (const Adapters* adapters : adapters_of(path, kind)) ranks.push_back(adapters == nullptr ? 0 : adapters->rank());
  return ranks;
}

// to = factor * from
void set_scaled(View<const float, 2> from, float factor, View<float, 2> to) {
  for (std::int64_t i = 0; i < from.size(); ++i) to[i] = factor * from[i];
}

// to += factor * from
void add_scaled(View<const float, 2> from, float factor, View<float, 2> to) {
  for (std::int64_t i = 0; i < from.size(); ++i) to[i] += factor * from[i];
}

BranchActivations branch_activations(std::int64_t tokens, const std::optional<FeedForward>& dense, const std::optional<PeerBlock>& peer,
                                     std::span<const std::int64_t> ranks = {}) {
  BranchActivations saved;
  if (dense) saved.feed_forward.emplace(tokens, dense->hidden(), ranks);
  if (peer) saved.peer.emplace(tokens, peer->options());
  return saved;
}

void copy(View<const float, 2> from, View<float, 2> to) {
  if (from.data != to.data) std::memcpy(to.data, from.data, static_cast<std::size_t>(from.size()) * sizeof(float));
}

// The block's own branch, or what one generation adds beside it.
struct Branch {
  std::optional<FeedForward>& dense;
  std::optional<PeerBlock>& peer;
  std::span<const FeedForwardAdapters* const> adapters;  // on `dense`
  float scale;
};

// Visits the block's own branch, then each generation's, with the index of its activations.
template <class Visit>
void for_each_branch(std::optional<FeedForward>& dense, std::optional<PeerBlock>& peer, std::span<LayerDelta* const> path, Visit&& visit) {
  const auto adapters = adapters_of(path, &LayerDelta::feed_forward_adapters);
  visit(Branch{dense, peer, adapters, 1.0f}, 0);
  for (std::size_t g = 0; g < path.size(); ++g) visit(Branch{path[g]->dense, path[g]->annex, {}, path[g]->residual_scale}, g + 1);
}

}  // namespace

Block::Block(Parameters& parameters, const std::string& prefix, const Shape& shape, std::uint64_t seed)
    : shape_(shape),
      norm_(&norm_weight(parameters, prefix + ".input_layernorm.weight", shape.attention.width)),
      middle_norm_(&norm_weight(parameters, prefix + ".post_attention_layernorm.weight", shape.attention.width)),
      attention_(parameters, prefix + ".self_attn", shape.attention, shape.output_deviation, seed) {
  if (shape.feed_forward > 0)
    feed_forward_.emplace(parameters, prefix + ".mlp", shape.attention.width, shape.feed_forward, shape.output_deviation,
                          ParameterGroup::kTrunk, seed);
}

void share(BlockActivations& shared, BlockActivations&& other) {
  const auto take_low = [](auto& have, auto& more) {
    for (std::size_t g = 0; g < have.size(); ++g)
      if (have[g].size() == 0) have[g] = std::move(more[g]);
  };
  take_low(shared.attention.low, other.attention.low);
  if (shared.scaled.empty()) shared.scaled = std::move(other.scaled);
  for (std::size_t b = 0; b < shared.branches.size(); ++b) {
    BranchActivations &have = shared.branches[b], &more = other.branches[b];
    if (!have.peer) have.peer = std::move(more.peer);
    if (!have.feed_forward) {
      have.feed_forward = std::move(more.feed_forward);
    } else if (more.feed_forward) {
      take_low(have.feed_forward->low, more.feed_forward->low);
    }
  }
}

BlockActivations Block::activations(std::int64_t batch, std::int64_t length, std::span<LayerDelta* const> path) const {
  const std::int64_t n = batch * length, width = shape_.attention.width;
  BlockActivations saved;
  for (Buffer<float>* buffer : {&saved.input, &saved.middle, &saved.normed, &saved.middle_normed}) *buffer = Buffer<float>(n * width);
  saved.inverse_rms = Buffer<float>(n);
  saved.middle_inverse_rms = Buffer<float>(n);
  saved.attention = AttentionActivations(batch, length, shape_.attention, ranks_of(path, &LayerDelta::adapters));
  saved.branches.push_back(branch_activations(n, feed_forward_, peer_, ranks_of(path, &LayerDelta::feed_forward_adapters)));
  const bool any_scaled = std::any_of(path.begin(), path.end(), [](const LayerDelta* delta) { return delta->residual_scale != 1; });
  if (any_scaled) saved.scaled = Buffer<float>(n * width);
  for (LayerDelta* delta : path) saved.branches.push_back(branch_activations(n, delta->dense, delta->annex));
  return saved;
}

void Block::prepare(BlockWorkspace& work, std::int64_t batch, std::int64_t length, std::span<LayerDelta* const> path) const {
  const std::int64_t n = batch * length, width = shape_.attention.width;
  if (work.dnormed.empty()) {
    work.dnormed = Buffer<float>(n * width);
    work.attention = AttentionActivations(batch, length, shape_.attention, ranks_of(path, &LayerDelta::adapters));
    work.branches.resize(path.size() + 1);
  }
  work.attention.make_room(n, ranks_of(path, &LayerDelta::adapters));
  std::int64_t picks = work.peer.dgate.size() / n, queries = work.peer.dquery.size() / n;
  const auto ranks = ranks_of(path, &LayerDelta::feed_forward_adapters);
  const auto include = [&](const std::optional<FeedForward>& dense, const std::optional<PeerBlock>& peer, std::size_t g) {
    if (dense && (!work.branches[g].feed_forward || work.branches[g].feed_forward->gate.size() < n * dense->hidden()))
      work.branches[g].feed_forward.emplace(n, dense->hidden(), g == 0 ? std::span(ranks) : std::span<const std::int64_t>());
    if (peer) picks = std::max(picks, peer->picks()), queries = std::max(queries, peer->query_width());
  };
  include(feed_forward_, peer_, 0);
  if (feed_forward_) work.branches[0].feed_forward->make_room(n, ranks);
  for (std::size_t g = 0; g < path.size(); ++g) include(path[g]->dense, path[g]->annex, g + 1);
  if (picks * n > work.peer.dgate.size() || queries * n > work.peer.dquery.size()) work.peer = PeerWorkspace(n, picks, queries, width);
}

void Block::forward(Context& ctx, std::int64_t length, std::span<LayerDelta* const> path, BlockActivations& saved, View<float, 2> output,
                    bool training, const Past& past) {
  const std::int64_t width = shape_.attention.width, n = saved.input.size() / width;
  const auto epsilon = static_cast<float>(shape_.norm_epsilon);
  const View<float, 2> middle = saved.middle.view(n, width);
  ops::rms_norm(ctx, {.x = saved.input.view(n, width),
                      .weight = norm_->vector(),
                      .epsilon = epsilon,
                      .y = saved.normed.view(n, width),
                      .inverse_rms = saved.inverse_rms.view(n)});
  copy(saved.input.view(n, width), middle);
  attention_.forward(ctx, saved.normed.view(n, width), length, adapters_of(path, &LayerDelta::adapters), saved.attention, middle, past);
  const View<float, 2> x = saved.middle_normed.view(n, width);
  ops::rms_norm(
      ctx, {.x = middle, .weight = middle_norm_->vector(), .epsilon = epsilon, .y = x, .inverse_rms = saved.middle_inverse_rms.view(n)});
  copy(middle, output);
  for_each_branch(feed_forward_, peer_, path, [&](const Branch& branch, std::size_t g) {
    const bool scaled = branch.scale != 1;
    const View<float, 2> y = scaled ? saved.scaled.view(n, width) : output;
    if (scaled) std::memset(y.data, 0, static_cast<std::size_t>(saved.scaled.bytes()));
    if (branch.dense) branch.dense->forward(ctx, x, branch.adapters, *saved.branches[g].feed_forward, y);
    if (branch.peer) branch.peer->forward(ctx, x, *saved.branches[g].peer, y, training);
    if (scaled) add_scaled(y, branch.scale, output);
  });
}

void Block::backward(Context& ctx, std::int64_t length, std::span<LayerDelta* const> path, BlockActivations& saved, BlockWorkspace& work,
                     View<float, 2> dx, const RowGradients& rows) {
  const std::int64_t n = dx.shape[0], width = dx.shape[1];
  const View<float, 2> x = saved.middle_normed.view(n, width), dnormed = work.dnormed.view(n, width);
  const auto norm_backward = [&](const Buffer<float>& input, Parameter& weight, const Buffer<float>& inverse_rms) {
    ops::rms_norm_backward(ctx, {.x = input.view(n, width),
                                 .weight = weight.vector(),
                                 .inverse_rms = inverse_rms.view(n),
                                 .dy = dnormed,
                                 .dx = dx,
                                 .dweight = weight.trainable() ? weight.gradient_vector() : View<float, 1>()});
  };
  std::memset(dnormed.data, 0, static_cast<std::size_t>(work.dnormed.bytes()));
  for_each_branch(feed_forward_, peer_, path, [&](const Branch& branch, std::size_t g) {
    const bool scaled = branch.scale != 1;
    const View<float, 2> dy = scaled ? saved.scaled.view(n, width) : dx;
    if (scaled) set_scaled(dx, branch.scale, dy);
    BranchActivations& own = saved.branches[g];
    if (branch.dense) branch.dense->backward(ctx, x, branch.adapters, *own.feed_forward, dy, *work.branches[g].feed_forward, dnormed);
    if (branch.peer) branch.peer->backward(ctx, x, *own.peer, dy, work.peer, dnormed, rows);
  });
  norm_backward(saved.middle, *middle_norm_, saved.middle_inverse_rms);
  std::memset(dnormed.data, 0, static_cast<std::size_t>(work.dnormed.bytes()));
  attention_.backward(ctx, saved.normed.view(n, width), length, adapters_of(path, &LayerDelta::adapters), saved.attention, dx,
                      work.attention, dnormed);
  norm_backward(saved.input, *norm_, saved.inverse_rms);
}

}  // namespace peer::layers
