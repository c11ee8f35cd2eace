// The model: a base and a tree of views grown on it.
//
//   view 0 is the base; view v > 0 adds the deltas on the path from the base to v. View v computes the very numbers that the model
//   computed when v was committed, whatever was grown later (design: "views").
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "peer/layers/block.h"
#include "peer/model/delta.h"
#include "peer/model/model_options.h"

namespace peer::model {

// A node of the tree. parent < index; the base has index 0 and parent -1.
struct View {
  int parent = -1;
  std::string name;              // the trunk's name in the pool: "base", "v1", ...
  std::string domain;            // what it was trained on
  std::unique_ptr<Delta> delta;  // none for the base, an empty one for a retired view
};

// Sees the picks of a product-key block right after its layer's forward: the view and the layer that the block was grown in, the block,
// and what it picked for each token of the batch (id, gate: (N, R)).
using PickWatch = std::function<void(int view, int layer, const layers::PeerBlock& block, const layers::PeerActivations& picks)>;

// Which logits there is room for: those of all tokens, which a forward pass sets, or of a piece of them, which Model::predict() sets: as
// many as take 32 MB, but 64 at least.
enum class Logits { kAll, kOfAPiece };

// Everything a forward pass writes, sized up front: reused for every batch of the same shape and view.
class Activations {
 public:
  // keep: every block keeps its own, for a backward pass; otherwise all blocks share one set.
  Activations(class Model& model, int view, std::int64_t batch, std::int64_t length, bool keep, Logits room = Logits::kAll);

  std::int64_t batch, length, tokens;
  int view;
  Logits room;
  std::int64_t piece;  // tokens whose logits there is room for
  std::vector<layers::BlockActivations> blocks;
  Buffer<float> output, inverse_rms;              // (N, D), (N): the last residual stream, and what its norm keeps
  layers::OperandBuffer normed;                   // (N, D)
  Buffer<float> logits;                           // (piece, V); becomes its own gradient before backward
  std::vector<VocabularyActivations> vocabulary;  // by view on the path
  Buffer<float> dx;                               // (N, D); with keep
  layers::BlockWorkspace work;                    // with keep
  PickWatch watch;                                // none unless set
  peer::View<float, 2> logits_view() { return logits.view(piece, logits.size() / piece); }
  bool keeps() const { return !dx.empty(); }
};

// What a view has read so far of B texts that are read token by token: one cache a layer.
struct ReadText {
  std::vector<layers::KeyValueCache> layers;
  std::int64_t tokens = 0;  // of each text
};

class Model {
 public:
  // The dense tensors of the base, drawn from seed or left to a reader. Experts: create_experts(), or appended page by page by a reader.
  Model(const ModelOptions& options, std::uint64_t seed, Device device = {}, layers::Start start = layers::Start::kDrawn);
  void create_experts();

  const ModelOptions& options() const { return options_; }
  std::uint64_t seed() const { return seed_; }
  Device device() const { return base_.device(); }  // where every tensor, expert and activation lies
  const std::vector<View>& views() const { return views_; }
  View& view(int index) { return views_[index]; }
  int newest() const { return static_cast<int>(views_.size()) - 1; }
  std::vector<int> path(int view) const;  // from the base (excluded) to the view (included)

  // Grows a view on `parent`: every part zero, so that its logits are bit for bit those of the parent. with_experts false:
  // a reader appends the pages, and replaces the tensors, which are zero until then. Returns the new view. UsageError when its annexes are
  // to clone a router and none below fits.
  int add_view(int parent, const DeltaOptions& options, const std::string& domain, bool with_experts);

  // Forgets the tensors and experts of a grown view on which no other grows. Its index and its name stay taken.
  void retire(int view);
  bool retired(int view) const { return view > 0 && !views_[view].delta->vocabulary; }

  // Enlarges every PEER grid of the base to side x side. The new sub-keys stay dormant until open_all(): no logit changes. On a CPU the new
  // rows are drawn meanwhile, for which open_all() waits.
  void extend(std::int64_t side);
  void open_all();

  layers::Parameters& base() { return base_; }
  layers::Parameters& parameters(int view) { return view == 0 ? base_ : views_[view].delta->parameters; }
  // Every product-key block of one view's own delta (of the base's PEER layers for view 0), by layer.
  void for_each_block(int view, const std::function<void(layers::PeerBlock& block, int layer)>& visit);
  // Makes one view's own tensors and experts trainable or frozen.
  void set_trainable(int view, bool trainable);

  // token (N), N = batch*length, rows of `length` tokens. Sets saved.logits (N, V) where there is room for all.
  void forward(Context& ctx, peer::View<const std::int32_t, 1> token, Activations& saved, bool training) {
    forward(ctx, token, saved, training, nullptr);
  }
  // The tokens follow those that `text` holds, and join them. No backward may follow.
  void read_on(Context& ctx, peer::View<const std::int32_t, 1> token, Activations& saved, ReadText& text) {
    forward(ctx, token, saved, false, &text);
  }
  // After a forward pass without room for all logits: those of tokens [first, first + count), count <= saved.piece. (count, V), valid until
  // the next call.
  peer::View<const float, 2> predict(Context& ctx, Activations& saved, std::int64_t first, std::int64_t count);
  // A text of which nothing was read, for texts of up to `capacity` tokens.
  ReadText unread(std::int64_t batch, std::int64_t capacity) const;

  // How many of the lowest blocks, with the embedding below them, compute the same in all of these views. 0 unless there are several.
  int shared_blocks(std::span<const int> views) const;
  // The first `blocks` blocks of saved.view alone. Returns the residual stream above them (N, D), valid until `saved` is used again.
  peer::View<const float, 2> forward_below(Context& ctx, peer::View<const std::int32_t, 1> token, Activations& saved, int blocks);
  // The rest, from such a residual stream x (N, D): with forward_below bit for bit what forward computes. No backward may follow.
  void forward_above(Context& ctx, peer::View<const float, 2> x, Activations& saved, int blocks);

  // saved.logits holds dlogits. Adds to the gradients of trainable tensors; expert rows' gradients go to `rows`.
  void backward(Context& ctx, peer::View<const std::int32_t, 1> token, Activations& saved, const layers::RowGradients& rows);

 private:
  friend class Activations;
  void forward(Context& ctx, peer::View<const std::int32_t, 1> token, Activations& saved, bool training, ReadText* text);
  const layers::PeerBlock* router_below(int parent, int layer, const DeltaOptions& options);
  void embed(Context& ctx, peer::View<const std::int32_t, 1> token, Activations& saved);
  void run_blocks(Context& ctx, int first, int end, Activations& saved, bool training, ReadText* text);
  void finish(Context& ctx, Activations& saved);
  void set_logits(Context& ctx, const Operand& normed, Activations& saved, peer::View<float, 2> logits);
  int lowest_trained(const std::vector<int>& path);
  std::vector<layers::LayerDelta*> layer_path(const std::vector<int>& path, int layer);
  void show_picks(const PickWatch& watch, const std::vector<int>& path, int layer, const layers::BlockActivations& saved) const;
  layers::BlockActivations& block_activations(Activations& saved, int layer) {
    return saved.blocks[saved.keeps() ? static_cast<std::size_t>(layer) : 0];
  }

  ModelOptions options_;
  std::uint64_t seed_;
  std::int64_t next_block_ = 0;
  layers::Parameters base_;
  layers::Parameter *embedding_, *norm_, *head_;
  std::vector<layers::Block> blocks_;
  std::vector<View> views_;
};

}  // namespace peer::model
