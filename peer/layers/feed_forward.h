#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "peer/layers/low_rank_adapter.h"
#include "peer/layers/operand_buffer.h"

namespace peer::layers {

// One view's changes of the three maps.
struct FeedForwardAdapters {
  LowRankAdapter gate, up, down;
  FeedForwardAdapters(Parameters& parameters, const std::string& prefix, std::int64_t width, std::int64_t hidden, std::int64_t rank,
                      std::uint64_t seed);
  std::int64_t rank() const { return gate.rank(); }
};

// What the forward keeps for the backward, and the gradients of that; sized for N tokens.
struct FeedForwardActivations {
  struct Low {
    Buffer<float> gate, up, down;  // (N, rank)
    std::int64_t size() const { return gate.size(); }
  };
  FeedForwardActivations() = default;
  FeedForwardActivations(Device device, std::int64_t tokens, std::int64_t hidden, std::span<const std::int64_t> ranks = {});
  void make_room(std::int64_t tokens, std::span<const std::int64_t> ranks);  // of the adapters of each view on the path; 0: none
  OperandBuffer gate, up, product;                                           // (N, F)
  std::vector<Low> low;                                                      // by view on the path; empty where it has no adapters here
};

// SwiGLU feed-forward: y += down(silu(gate x) * up x), each map W + sum_g B_g A_g. The base's own, and a view's small dense block
// (down = 0 at the start), which carries no adapters.
class FeedForward {
 public:
  // prefix "model.layers.0.mlp". output_deviation 0 makes a branch that changes nothing until it is trained.
  FeedForward(Parameters& parameters, const std::string& prefix, std::int64_t width, std::int64_t hidden, double output_deviation,
              ParameterGroup group, std::uint64_t seed);

  std::int64_t hidden() const { return gate_->shape[0]; }
  // x (N, D); y (N, D) added. `adapters` in path order (null: none), the same that `saved` was sized for.
  void forward(Context& ctx, const Operand& x, std::span<const FeedForwardAdapters* const> adapters, FeedForwardActivations& saved,
               View<float, 2> y) const;
  // dy (N, D); dx (N, D) added. `work` holds gradients of the saved activations, same sizes.
  void backward(Context& ctx, const Operand& x, std::span<const FeedForwardAdapters* const> adapters, FeedForwardActivations& saved,
                View<const float, 2> dy, FeedForwardActivations& work, View<float, 2> dx) const;

 private:
  Parameter *gate_, *up_, *down_;
};

}  // namespace peer::layers
