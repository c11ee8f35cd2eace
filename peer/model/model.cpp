#include "peer/model/model.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <mutex>

#include <fmt/format.h>

#include "peer/base/require.h"
#include "peer/device/copy.h"
#include "peer/layers/initialise.h"
#include "peer/ops/embedding.h"
#include "peer/ops/rms_norm.h"

namespace peer::model {
namespace {

// Rows of a piece of logits. With fewer a product would be bound by reading the head's matrix.
std::int64_t piece_of(std::int64_t vocabulary) {
  constexpr std::int64_t kNumbers = std::int64_t{8} << 20, kLeast = 64;
  std::int64_t rows = kLeast;
  while (2 * rows * vocabulary <= kNumbers) rows *= 2;
  return rows;
}

layers::AttentionShape attention_of(const ModelOptions& o) {
  return {.width = o.width,
          .heads = o.heads,
          .kv_heads = o.kv_heads,
          .head_width = o.numbers_of_head(),
          .rope_theta = o.rope_theta,
          .rope_scaling = o.rope_scaling,
          .bias = o.attention_bias,
          .norm = o.query_key_norm,
          .norm_epsilon = o.norm_epsilon};
}

layers::PeerOptions annex_options(const layers::PeerOptions& base, const DeltaOptions& delta) {
  layers::PeerOptions annex = base;  // gate, activation and norm are the base's
  annex.heads = delta.annex_heads, annex.top_k = delta.annex_top_k, annex.d_key = delta.annex_d_key;
  return annex;
}

}  // namespace

Model::Model(const ModelOptions& options, std::uint64_t seed, Device device, layers::Start start)
    : options_(options), seed_(seed), base_(device, start) {
  check(options);
  check(options, device);
  const auto table = [&](const std::string& name) {
    layers::Parameter* p = &base_.add(name, {options.vocabulary, options.width}, layers::ParameterGroup::kTrunk);
    base_.draw(*p, 0.02, seed);
    return p;
  };
  embedding_ = table("model.embed_tokens.weight");
  const double output_deviation = 1.0 / std::sqrt(2.0 * static_cast<double>(options.layers * options.width));
  for (std::int64_t layer = 0; layer < options.layers; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer);
    const layers::Block::Shape shape{attention_of(options), options.norm_epsilon, options.feed_forward_of(layer), output_deviation};
    blocks_.emplace_back(base_, prefix, shape, seed);
    if (options.has_peer(layer))
      blocks_.back().set_peer(layers::PeerBlock(base_, prefix + ".peer", BlockId{next_block_++}, options.peer, options.width,
                                                options.peer_side, options.page_experts, seed));
  }
  norm_ = &base_.add("model.norm.weight", {options.width}, layers::ParameterGroup::kTrunk);
  layers::initialise_constant(norm_->write(), 1.0f);
  head_ = options.tied_embeddings ? embedding_ : table("lm_head.weight");
  views_.push_back({-1, "base", "", nullptr});
}

void Model::create_experts() {
  const double up_deviation = 1.0 / std::sqrt(static_cast<double>(options_.peer.heads * options_.peer.top_k));
  for_each_block(0, [&](layers::PeerBlock& block, int) { block.create_experts(up_deviation, false, seed_); });
}

std::vector<int> Model::path(int view) const {
  std::vector<int> path;
  for (; view > 0; view = views_[view].parent) path.push_back(view);
  std::reverse(path.begin(), path.end());
  return path;
}

// The block whose router the annex of `layer` clones: in the nearest layer, and there of the newest view. None when it clones none.
const layers::PeerBlock* Model::router_below(int parent, int layer, const DeltaOptions& options) {
  if (options.annex_sub_keys != SubKeys::kClones || !options.has_annex(layer)) return nullptr;
  const layers::PeerBlock* router = nullptr;
  int distance = static_cast<int>(options_.layers);
  std::vector<int> views = path(parent);
  views.insert(views.begin(), 0);
  for (const int v : views)
    for_each_block(v, [&](layers::PeerBlock& block, int at) {
      if (std::abs(at - layer) <= distance) router = &block, distance = std::abs(at - layer);
    });
  if (router == nullptr) throw UsageError("option 'annex-sub-keys': found no PEER layer or annex to clone; try centroids or random");
  if (const std::int64_t d_key = router->options().d_key; d_key != options.annex_d_key)
    throw UsageError(fmt::format("option 'annex-sub-keys': clones of a router with queries of width {0} need annex-d-key {0}, found {1}",
                                 d_key, options.annex_d_key));
  return router;
}

int Model::add_view(int parent, const DeltaOptions& options, const std::string& domain, bool with_experts) {
  check(options, options_);
  require(parent >= 0 && parent <= newest(), "model: the parent view must exist");
  std::vector<const layers::PeerBlock*> cloned;  // found before anything changes: there may be none that fits
  for (int layer = 0; layer < static_cast<int>(options_.layers); ++layer)
    cloned.push_back(with_experts ? router_below(parent, layer, options) : nullptr);
  const std::string name = fmt::format("v{}", views_.size());
  auto delta = std::make_unique<Delta>(device(), with_experts ? layers::Start::kDrawn : layers::Start::kZero);
  delta->options = options;
  for (std::int64_t layer = 0; layer < options_.layers; ++layer) {
    const std::string prefix = name + ".layers." + std::to_string(layer);
    layers::LayerDelta& part = delta->layers.emplace_back();
    if (layer < options.first_layer) continue;
    if (options.adapter_rank > 0)
      part.adapters.emplace(delta->parameters, prefix + ".self_attn", attention_of(options_), options.adapter_rank, seed_);
    if (const std::int64_t hidden = options_.feed_forward_of(layer); hidden > 0 && options.feed_forward_rank > 0)
      part.feed_forward_adapters.emplace(delta->parameters, prefix + ".mlp", options_.width, hidden, options.feed_forward_rank, seed_);
    part.residual_scale = static_cast<float>(options.residual_scale);
    if (options.dense_hidden > 0)
      part.dense.emplace(delta->parameters, prefix + ".mlp", options_.width, options.dense_hidden, 0.0, layers::ParameterGroup::kDelta,
                         seed_);
    if (options.has_annex(layer)) {
      part.annex.emplace(delta->parameters, prefix + ".peer", BlockId{next_block_++}, annex_options(options_.peer, options), options_.width,
                         options.annex_side, options_.page_experts, seed_);
      if (with_experts) part.annex->create_experts(0.0, false, seed_);
      if (const auto* router = cloned[static_cast<std::size_t>(layer)]) part.annex->clone_router(*router);
    }
  }
  delta->vocabulary.emplace(delta->parameters, name, options_, options, seed_);
  views_.push_back({parent, name, domain, std::move(delta)});
  return newest();
}

void Model::retire(int view) {
  require(view > 0 && view <= newest(), "model: only a grown view can be retired");
  for (int v = 1; v <= newest(); ++v)
    require(retired(v) || views_[v].parent != view, "model: a view on which another grows cannot be retired");
  auto empty = std::make_unique<Delta>(device());
  empty->options = views_[view].delta->options;
  empty->layers.resize(static_cast<std::size_t>(options_.layers));
  views_[view].delta = std::move(empty);
}

void Model::extend(std::int64_t side) {
  const auto turn = std::make_shared<layers::DrawingTurn>();
  for_each_block(0, [&](layers::PeerBlock& block, int) { block.extend(base_, side, block.experts().trainable(0), seed_, turn); });
  options_.peer_side = side;
}

void Model::open_all() {
  for_each_block(0, [](layers::PeerBlock& block, int) { block.open_all(); });
}

void Model::for_each_block(int view, const std::function<void(layers::PeerBlock&, int)>& visit) {
  for (int layer = 0; layer < static_cast<int>(options_.layers); ++layer) {
    auto& block = view == 0 ? blocks_[layer].peer() : views_[view].delta->layers[layer].annex;
    if (block) visit(*block, layer);
  }
}

void Model::set_trainable(int view, bool trainable) {
  parameters(view).set_trainable(trainable);
  for_each_block(view, [&](layers::PeerBlock& block, int) { block.experts().set_trainable(trainable); });
}

std::vector<layers::LayerDelta*> Model::layer_path(const std::vector<int>& path, int layer) {
  std::vector<layers::LayerDelta*> deltas;
  for (const int g : path) deltas.push_back(&views_[g].delta->layers[layer]);
  return deltas;
}

Activations::Activations(Model& model, int view_index, std::int64_t batch_rows, std::int64_t row_length, bool keep, Logits logits_room)
    : batch(batch_rows),
      length(row_length),
      tokens(batch_rows * row_length),
      view(view_index),
      room(logits_room),
      piece(room == Logits::kAll ? tokens : std::min(tokens, piece_of(model.options().vocabulary))) {
  const std::int64_t width = model.options().width;
  const std::vector<int> path = model.path(view);
  output = Buffer<float>(model.device(), tokens * width);
  normed = layers::OperandBuffer(model.device(), tokens, width);
  inverse_rms = Buffer<float>(model.device(), tokens);
  logits = Buffer<float>(model.device(), piece * model.options().vocabulary);
  if (keep) dx = Buffer<float>(model.device(), tokens * width);
  for (const int g : path) vocabulary.push_back(model.views_[g].delta->vocabulary->activations(model.device(), tokens, keep));
  // Without a backward pass one set serves all blocks: what any block's branches need is merged into it.
  for (int layer = 0; layer < static_cast<int>(model.options().layers); ++layer) {
    const std::vector<layers::LayerDelta*> deltas = model.layer_path(path, layer);
    layers::BlockActivations block = model.blocks_[layer].activations(batch, length, deltas);
    if (keep) model.blocks_[layer].prepare(work, batch, length, deltas);
    if (keep || layer == 0) {
      blocks.push_back(std::move(block));
    } else {
      share(blocks[0], std::move(block));
    }
  }
}

ReadText Model::unread(std::int64_t batch, std::int64_t capacity) const {
  ReadText text;
  for (std::int64_t layer = 0; layer < options_.layers; ++layer) text.layers.emplace_back(device(), batch, capacity, options_.kv_width());
  return text;
}

void Model::forward(Context& ctx, peer::View<const std::int32_t, 1> token, Activations& saved, bool training, ReadText* text) {
  embed(ctx, token, saved);
  run_blocks(ctx, 0, static_cast<int>(options_.layers), saved, training, text);
  if (text != nullptr) text->tokens += saved.length;
  finish(ctx, saved);
}

int Model::shared_blocks(std::span<const int> views) const {
  if (views.size() < 2) return 0;
  std::int64_t shared = options_.layers;
  for (const int view : views)
    for (const int g : path(view)) shared = std::min(shared, views_[g].delta->options.first_layer);
  return static_cast<int>(shared);
}

peer::View<const float, 2> Model::forward_below(Context& ctx, peer::View<const std::int32_t, 1> token, Activations& saved, int blocks) {
  embed(ctx, token, saved);
  run_blocks(ctx, 0, blocks, saved, false, nullptr);
  return block_activations(saved, blocks).input.view(saved.tokens, options_.width);
}

void Model::forward_above(Context& ctx, peer::View<const float, 2> x, Activations& saved, int blocks) {
  const peer::View<float, 2> input = block_activations(saved, blocks).input.view(saved.tokens, options_.width);
  require(!saved.keeps() && x.shape[0] == saved.tokens, "model: no backward pass follows a shared one");
  queue_copy(ctx, x, input);
  run_blocks(ctx, blocks, static_cast<int>(options_.layers), saved, false, nullptr);
  finish(ctx, saved);
}

void Model::embed(Context& ctx, peer::View<const std::int32_t, 1> token, Activations& saved) {
  require(token.shape[0] == saved.tokens, "model: tokens must be batch * length");
  const peer::View<float, 2> x = block_activations(saved, 0).input.view(saved.tokens, options_.width);
  queue_zero(ctx, x);
  ops::embedding(ctx, {.id = token, .table = embedding_->matrix(), .x = x});
  const std::vector<int> path = this->path(saved.view);
  for (std::size_t g = 0; g < path.size(); ++g) views_[path[g]].delta->vocabulary->embed(ctx, token, saved.vocabulary[g], x);
}

void Model::run_blocks(Context& ctx, int first, int end, Activations& saved, bool training, ReadText* text) {
  const std::int64_t n = saved.tokens, width = options_.width;
  const std::vector<int> path = this->path(saved.view);
  for (int layer = first; layer < end; ++layer) {
    const bool last = layer + 1 == options_.layers;
    const peer::View<float, 2> output = last ? saved.output.view(n, width) : block_activations(saved, layer + 1).input.view(n, width);
    const layers::Past past = text == nullptr ? layers::Past{} : layers::Past{&text->layers[layer], text->tokens};
    blocks_[layer].forward(ctx, saved.length, layer_path(path, layer), block_activations(saved, layer), output, training, past);
    if (!saved.watch) continue;
    ctx.wait();
    show_picks(saved.watch, path, layer, block_activations(saved, layer));
  }
}

void Model::finish(Context& ctx, Activations& saved) {
  const std::int64_t n = saved.tokens, width = options_.width;
  ops::rms_norm(ctx, {.x = saved.output.view(n, width),
                      .weight = norm_->vector(),
                      .epsilon = static_cast<float>(options_.norm_epsilon),
                      .y = saved.normed.target(ctx),
                      .inverse_rms = saved.inverse_rms.view(n)});
  if (saved.room == Logits::kAll) set_logits(ctx, saved.normed.operand(), saved, saved.logits_view());
}

peer::View<const float, 2> Model::predict(Context& ctx, Activations& saved, std::int64_t first, std::int64_t count) {
  require(saved.room == Logits::kOfAPiece && count <= saved.piece && first + count <= saved.tokens, "model: a piece must have room");
  const peer::View<float, 2> logits = saved.logits.view(count, options_.vocabulary);
  set_logits(ctx, saved.normed.operand().slice(first, count), saved, logits);
  return logits;
}

void Model::set_logits(Context& ctx, const Operand& normed, Activations& saved, peer::View<float, 2> logits) {
  layers::linear(ctx, normed, *head_, 0.0f, logits);
  const std::vector<int> path = this->path(saved.view);
  for (std::size_t g = 0; g < path.size(); ++g) views_[path[g]].delta->vocabulary->predict(ctx, normed, saved.vocabulary[g], logits);
}

// The lowest block below which nothing on the path is trained.
int Model::lowest_trained(const std::vector<int>& path) {
  const auto trains = [&](int view) {
    const layers::Parameters& own = parameters(view);
    bool any = std::any_of(own.begin(), own.end(), [](const auto& p) { return p->trainable(); });
    for_each_block(view, [&](layers::PeerBlock& block, int) { any = any || block.experts().any_trainable(); });
    return any;
  };
  if (trains(0)) return 0;
  std::int64_t lowest = options_.layers;
  for (const int g : path)
    if (trains(g)) lowest = std::min(lowest, views_[g].delta->options.first_layer);
  return static_cast<int>(lowest);
}

void Model::show_picks(const PickWatch& watch, const std::vector<int>& path, int layer, const layers::BlockActivations& saved) const {
  if (const auto& peer = blocks_[layer].peer()) watch(0, layer, *peer, *saved.branches[0].peer);
  for (std::size_t g = 0; g < path.size(); ++g)
    if (const auto& annex = views_[path[g]].delta->layers[layer].annex) watch(path[g], layer, *annex, *saved.branches[g + 1].peer);
}

void Model::backward(Context& ctx, peer::View<const std::int32_t, 1> token, Activations& saved, const layers::RowGradients& rows) {
  require(saved.keeps(), "model: backward needs activations that keep");
  const std::int64_t n = saved.tokens, width = options_.width;
  const std::vector<int> path = this->path(saved.view);
  const Operand normed = saved.normed.operand();
  const peer::View<float, 2> dx = saved.dx.view(n, width), dnormed = saved.work.dnormed.view(n, width);
  layers::linear_backward(ctx, normed, saved.logits_view(), *head_, 0.0f, dnormed);
  for (std::size_t g = 0; g < path.size(); ++g)
    views_[path[g]].delta->vocabulary->predict_backward(ctx, normed, saved.logits_view(), saved.vocabulary[g], dnormed);
  queue_zero(ctx, dx);
  ops::rms_norm_backward(ctx, {.x = saved.output.view(n, width),
                               .weight = norm_->vector(),
                               .inverse_rms = saved.inverse_rms.view(n),
                               .dy = dnormed,
                               .dx = dx,
                               .dweight = norm_->trainable() ? norm_->gradient_vector() : peer::View<float, 1>()});
  const int lowest = lowest_trained(path);
  for (int layer = static_cast<int>(options_.layers) - 1; layer >= lowest; --layer)
    blocks_[layer].backward(ctx, saved.length, layer_path(path, layer), saved.blocks[layer], saved.work, dx, rows);
  if (lowest > 0) return;
  if (embedding_->trainable()) ops::embedding_backward(ctx, {.id = token, .dx = dx, .dtable = embedding_->gradient_matrix()});
  for (std::size_t g = 0; g < path.size(); ++g) views_[path[g]].delta->vocabulary->embed_backward(ctx, token, dx, saved.vocabulary[g]);
}

}  // namespace peer::model
