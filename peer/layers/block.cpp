#include "peer/layers/block.h"

#include <algorithm>

#include "peer/device/copy.h"
#include "peer/layers/initialise.h"
#include "peer/ops/axpby.h"
#include "peer/ops/rms_norm.h"

namespace peer::layers {
namespace {

Parameter& norm_weight(Parameters& parameters, const std::string& name, std::int64_t width) {
  Parameter& p = parameters.add(name, {width}, ParameterGroup::kTrunk);
  initialise_constant(p.write(), 1.0f);
  return p;
}

// One kind of adapters of each view on the path; null where it has none here.
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

// to = factor * from + keep * to
void add_scaled(Context& ctx, View<const float, 2> from, float factor, float keep, View<float, 2> to) {
  ops::axpby(ctx, {.a = factor, .x = {from.data, from.size()}, .b = keep, .y = {to.data, to.size()}});
}

BranchActivations branch_activations(Device device, std::int64_t tokens, const std::optional<FeedForward>& dense,
                                     const std::optional<PeerBlock>& peer, std::span<const std::int64_t> ranks = {}) {
  BranchActivations saved;
  if (dense) saved.feed_forward.emplace(device, tokens, dense->hidden(), ranks);
  if (peer) saved.peer.emplace(device, tokens, peer->options());
  return saved;
}

// The block's own branch, or what one view adds beside it.
struct Branch {
  std::optional<FeedForward>& dense;
  std::optional<PeerBlock>& peer;
  std::span<const FeedForwardAdapters* const> adapters;  // on `dense`
  float scale;
};

// Visits the block's own branch, then each view's on the path, with the index of its activations.
template <class Visit>
void for_each_branch(std::optional<FeedForward>& dense, std::optional<PeerBlock>& peer, std::span<LayerDelta* const> path, Visit&& visit) {
  const auto adapters = adapters_of(path, &LayerDelta::feed_forward_adapters);
  visit(Branch{dense, peer, adapters, 1.0f}, 0);
  for (std::size_t g = 0; g < path.size(); ++g) visit(Branch{path[g]->dense, path[g]->annex, {}, path[g]->residual_scale}, g + 1);
}

}  // namespace

Block::Block(Parameters& parameters, const std::string& prefix, const Shape& shape, std::uint64_t seed)
    : device_(parameters.device()),
      shape_(shape),
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

bool Block::has_experts(std::span<LayerDelta* const> path) const {
  return peer_ || std::any_of(path.begin(), path.end(), [](const LayerDelta* delta) { return delta->annex.has_value(); });
}

BlockActivations Block::activations(std::int64_t batch, std::int64_t length, std::span<LayerDelta* const> path) const {
  const std::int64_t n = batch * length, width = shape_.attention.width;
  BlockActivations saved;
  for (Buffer<float>* buffer : {&saved.input, &saved.middle}) *buffer = Buffer<float>(device_, n * width);
  for (OperandBuffer* buffer : {&saved.normed, &saved.middle_normed}) *buffer = OperandBuffer(device_, n, width);
  saved.inverse_rms = Buffer<float>(device_, n);
  saved.middle_inverse_rms = Buffer<float>(device_, n);
  saved.attention = AttentionActivations(device_, batch, length, shape_.attention, ranks_of(path, &LayerDelta::adapters));
  saved.branches.push_back(branch_activations(device_, n, feed_forward_, peer_, ranks_of(path, &LayerDelta::feed_forward_adapters)));
  const bool any_scaled = std::any_of(path.begin(), path.end(), [](const LayerDelta* delta) { return delta->residual_scale != 1; });
  if (any_scaled) saved.scaled = Buffer<float>(device_, n * width);
  for (LayerDelta* delta : path) saved.branches.push_back(branch_activations(device_, n, delta->dense, delta->annex));
  return saved;
}

void Block::prepare(BlockWorkspace& work, std::int64_t batch, std::int64_t length, std::span<LayerDelta* const> path) const {
  const std::int64_t n = batch * length, width = shape_.attention.width;
  if (work.dnormed.empty()) {
    work.dnormed = Buffer<float>(device_, n * width);
    work.attention = AttentionActivations(device_, batch, length, shape_.attention, ranks_of(path, &LayerDelta::adapters));
    work.branches.resize(path.size() + 1);
  }
  work.attention.make_room(n, ranks_of(path, &LayerDelta::adapters));
  std::int64_t picks = work.peer.dgate.size() / n, queries = work.peer.dquery.size() / n;
  const auto ranks = ranks_of(path, &LayerDelta::feed_forward_adapters);
  const auto include = [&](const std::optional<FeedForward>& dense, const std::optional<PeerBlock>& peer, std::size_t g) {
    if (dense && (!work.branches[g].feed_forward || work.branches[g].feed_forward->gate.size() < n * dense->hidden()))
      work.branches[g].feed_forward.emplace(device_, n, dense->hidden(), g == 0 ? std::span(ranks) : std::span<const std::int64_t>());
    if (peer) picks = std::max(picks, peer->picks()), queries = std::max(queries, peer->query_width());
  };
  include(feed_forward_, peer_, 0);
  if (feed_forward_) work.branches[0].feed_forward->make_room(n, ranks);
  for (std::size_t g = 0; g < path.size(); ++g) include(path[g]->dense, path[g]->annex, g + 1);
  if (picks * n > work.peer.dgate.size() || queries * n > work.peer.dquery.size())
    work.peer = PeerWorkspace(device_, n, picks, queries, width);
}

void Block::forward(Context& ctx, std::int64_t length, std::span<LayerDelta* const> path, BlockActivations& saved, View<float, 2> output,
                    bool training, const Past& past) {
  const std::int64_t width = shape_.attention.width, n = saved.input.size() / width;
  const auto epsilon = static_cast<float>(shape_.norm_epsilon);
  const View<float, 2> middle = saved.middle.view(n, width);
  ops::rms_norm(ctx, {.x = saved.input.view(n, width),
                      .weight = norm_->vector(),
                      .epsilon = epsilon,
                      .y = saved.normed.target(ctx),
                      .inverse_rms = saved.inverse_rms.view(n)});
  queue_copy(ctx, saved.input.view(n, width), middle);
  attention_.forward(ctx, saved.normed.operand(), length, adapters_of(path, &LayerDelta::adapters), saved.attention, middle, past);
  ops::rms_norm(ctx, {.x = middle,
                      .weight = middle_norm_->vector(),
                      .epsilon = epsilon,
                      .y = saved.middle_normed.target(ctx, has_experts(path)),
                      .inverse_rms = saved.middle_inverse_rms.view(n)});
  const Operand x = saved.middle_normed.operand();
  queue_copy(ctx, middle, output);
  for_each_branch(feed_forward_, peer_, path, [&](const Branch& branch, std::size_t g) {
    const bool scaled = branch.scale != 1;
    const View<float, 2> y = scaled ? saved.scaled.view(n, width) : output;
    if (scaled) queue_zero(ctx, y);
    if (branch.dense) branch.dense->forward(ctx, x, branch.adapters, *saved.branches[g].feed_forward, y);
    if (branch.peer) branch.peer->forward(ctx, x, *saved.branches[g].peer, y, training);
    if (scaled) add_scaled(ctx, y, branch.scale, 1, output);
  });
}

void Block::backward(Context& ctx, std::int64_t length, std::span<LayerDelta* const> path, BlockActivations& saved, BlockWorkspace& work,
                     View<float, 2> dx, const RowGradients& rows) {
  const std::int64_t n = dx.shape[0], width = dx.shape[1];
  const Operand x = saved.middle_normed.operand();
  const View<float, 2> dnormed = work.dnormed.view(n, width);
  const auto norm_backward = [&](const Buffer<float>& input, Parameter& weight, const Buffer<float>& inverse_rms) {
    ops::rms_norm_backward(ctx, {.x = input.view(n, width),
                                 .weight = weight.vector(),
                                 .inverse_rms = inverse_rms.view(n),
                                 .dy = dnormed,
                                 .dx = dx,
                                 .dweight = weight.trainable() ? weight.gradient_vector() : View<float, 1>()});
  };
  queue_zero(ctx, dnormed);
  for_each_branch(feed_forward_, peer_, path, [&](const Branch& branch, std::size_t g) {
    const bool scaled = branch.scale != 1;
    const View<float, 2> dy = scaled ? saved.scaled.view(n, width) : dx;
    if (scaled) add_scaled(ctx, dx, branch.scale, 0, dy);
    BranchActivations& own = saved.branches[g];
    if (branch.dense) branch.dense->backward(ctx, x, branch.adapters, *own.feed_forward, dy, *work.branches[g].feed_forward, dnormed);
    if (branch.peer) branch.peer->backward(ctx, x, *own.peer, dy, work.peer, dnormed, rows);
  });
  norm_backward(saved.middle, *middle_norm_, saved.middle_inverse_rms);
  queue_zero(ctx, dnormed);
  attention_.backward(ctx, saved.normed.operand(), length, adapters_of(path, &LayerDelta::adapters), saved.attention, dx, work.attention,
                      dnormed);
  norm_backward(saved.input, *norm_, saved.inverse_rms);
}

}  // namespace peer::layers
