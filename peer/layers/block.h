// One transformer block and what the views on a path add to it:
//   x += attention(norm x);   x += own branch(norm x) + sum_g scale_g (dense_g(norm x) + annex_g(norm x))
//   [each map of attention and of the own feed-forward is W + sum_g B_g A_g]
// The order of the sums is the order of the path, so a view's numbers do not depend on what was grown later.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "peer/layers/layer_delta.h"

namespace peer::layers {

struct BranchActivations {
  std::optional<FeedForwardActivations> feed_forward;
  std::optional<PeerActivations> peer;
};

// What the forward keeps for the backward of one block.
struct BlockActivations {
  Buffer<float> input, middle;                    // (N, D)  the residual stream before each half
  OperandBuffer normed, middle_normed;            // (N, D)
  Buffer<float> inverse_rms, middle_inverse_rms;  // (N)
  AttentionActivations attention;
  std::vector<BranchActivations> branches;  // [0] the block's own, then by view on the path
  Buffer<float> scaled;                     // (N, D)  what a scaled branch adds, and its gradient; empty when every scale is 1
};

// Takes from `other` every part that `shared` lacks, so that one set serves both blocks when no backward follows. Same path, same tokens.
void share(BlockActivations& shared, BlockActivations&& other);

// Gradients that one block needs at a time, shared by all blocks.
struct BlockWorkspace {
  Buffer<float> dnormed;  // (N, D)
  AttentionActivations attention;
  std::vector<BranchActivations> branches;
  PeerWorkspace peer;
};

class Block {
 public:
  struct Shape {
    AttentionShape attention;
    double norm_epsilon = 1e-5;
    std::int64_t feed_forward = 0;  // 0: none
    double output_deviation = 0;    // of the maps that write to the residual stream
  };
  Block(Parameters& parameters, const std::string& prefix, const Shape& shape, std::uint64_t seed);
  // The block's PEER layer. Called once, while the block is built.
  void set_peer(PeerBlock peer) { peer_.emplace(std::move(peer)); }
  std::optional<PeerBlock>& peer() { return peer_; }
  const std::optional<PeerBlock>& peer() const { return peer_; }

  // path: from the base to the view that is computed.
  BlockActivations activations(std::int64_t batch, std::int64_t length, std::span<LayerDelta* const> path) const;
  void prepare(BlockWorkspace& work, std::int64_t batch, std::int64_t length, std::span<LayerDelta* const> path) const;

  // saved.input (N, D) holds the residual stream; output (N, D) set (it may be saved.input itself when no backward follows).
  void forward(Context& ctx, std::int64_t length, std::span<LayerDelta* const> path, BlockActivations& saved, View<float, 2> output,
               bool training, const Past& past = {});
  // dx (N, D): gradient of the output, becomes the gradient of the input.
  void backward(Context& ctx, std::int64_t length, std::span<LayerDelta* const> path, BlockActivations& saved, BlockWorkspace& work,
                View<float, 2> dx, const RowGradients& rows);

 private:
  bool has_experts(std::span<LayerDelta* const> path) const;  // which read their input in fp32

  Device device_;
  Shape shape_;
  Parameter *norm_, *middle_norm_;
  AttentionLayer attention_;
  std::optional<FeedForward> feed_forward_;
  std::optional<PeerBlock> peer_;
};

}  // namespace peer::layers
