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

std::vector<const AttentionAdapters*> adapters_of(std::span<LayerDelta* const> path) {
  std::vector<const AttentionAdapters*> adapters;
  for (LayerDelta* delta : path)
    if (delta->adapters) adapters.push_back(&*delta->adapters);
  return adapters;
}

std::vector<std::int64_t> ranks_of(std::span<LayerDelta* const> path) {
  std::vector<std::int64_t> ranks;
  for (const AttentionAdapters* adapters : adapters_of(path)) ranks.push_back(adapters->q.rank());
  return ranks;
}

BranchActivations branch_activations(std::int64_t tokens, const std::optional<FeedForward>& dense, const std::optional<PeerBlock>& peer) {
  BranchActivations saved;
  if (dense) saved.feed_forward.emplace(tokens, dense->hidden());
  if (peer) saved.peer.emplace(tokens, peer->options());
  return saved;
}

void copy(View<const float, 2> from, View<float, 2> to) {
  if (from.data != to.data) std::memcpy(to.data, from.data, static_cast<std::size_t>(from.size()) * sizeof(float));
}

// Visits the block's own branch, then each generation's, with the activations of each.
template <class Visit>
void for_each_branch(std::optional<FeedForward>& dense, std::optional<PeerBlock>& peer, std::span<LayerDelta* const> path, Visit&& visit) {
  visit(dense, peer, 0);
  for (std::size_t g = 0; g < path.size(); ++g) visit(path[g]->dense, path[g]->annex, g + 1);
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

BlockActivations Block::activations(std::int64_t batch, std::int64_t length, std::span<LayerDelta* const> path) const {
  const std::int64_t n = batch * length, width = shape_.attention.width;
  BlockActivations saved;
  for (Buffer<float>* buffer : {&saved.input, &saved.middle, &saved.normed, &saved.middle_normed}) *buffer = Buffer<float>(n * width);
  saved.inverse_rms = Buffer<float>(n);
  saved.middle_inverse_rms = Buffer<float>(n);
  saved.attention = AttentionActivations(batch, length, shape_.attention, ranks_of(path));
  saved.branches.push_back(branch_activations(n, feed_forward_, peer_));
  for (LayerDelta* delta : path) saved.branches.push_back(branch_activations(n, delta->dense, delta->annex));
  return saved;
}

void Block::prepare(BlockWorkspace& work, std::int64_t batch, std::int64_t length, std::span<LayerDelta* const> path) const {
  const std::int64_t n = batch * length, width = shape_.attention.width;
  if (work.dnormed.empty()) {
    work.dnormed = Buffer<float>(n * width);
    work.attention = AttentionActivations(batch, length, shape_.attention, ranks_of(path));
    work.branches.resize(path.size() + 1);
  }
  std::int64_t picks = work.peer.dgate.size() / n, queries = work.peer.dquery.size() / n;
  const auto include = [&](const std::optional<FeedForward>& dense, const std::optional<PeerBlock>& peer, std::size_t g) {
    if (dense && (!work.branches[g].feed_forward || work.branches[g].feed_forward->gate.size() < n * dense->hidden()))
      work.branches[g].feed_forward.emplace(n, dense->hidden());
    if (peer) picks = std::max(picks, peer->picks()), queries = std::max(queries, peer->query_width());
  };
  include(feed_forward_, peer_, 0);
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
  attention_.forward(ctx, saved.normed.view(n, width), length, adapters_of(path), saved.attention, middle, past);
  const View<float, 2> x = saved.middle_normed.view(n, width);
  ops::rms_norm(
      ctx, {.x = middle, .weight = middle_norm_->vector(), .epsilon = epsilon, .y = x, .inverse_rms = saved.middle_inverse_rms.view(n)});
  copy(middle, output);
  for_each_branch(feed_forward_, peer_, path, [&](std::optional<FeedForward>& dense, std::optional<PeerBlock>& peer, std::size_t g) {
    if (dense) dense->forward(ctx, x, *saved.branches[g].feed_forward, output);
    if (peer) peer->forward(ctx, x, *saved.branches[g].peer, output, training);
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
  for_each_branch(feed_forward_, peer_, path, [&](std::optional<FeedForward>& dense, std::optional<PeerBlock>& peer, std::size_t g) {
    if (dense) dense->backward(ctx, x, *saved.branches[g].feed_forward, dx, *work.branches[g].feed_forward, dnormed);
    if (peer) peer->backward(ctx, x, *saved.branches[g].peer, dx, work.peer, dnormed, rows);
  });
  norm_backward(saved.middle, *middle_norm_, saved.middle_inverse_rms);
  std::memset(dnormed.data, 0, static_cast<std::size_t>(work.dnormed.bytes()));
  attention_.backward(ctx, saved.normed.view(n, width), length, adapters_of(path), saved.attention, dx, work.attention, dnormed);
  norm_backward(saved.input, *norm_, saved.inverse_rms);
}

}  // namespace peer::layers
