#pragma once

#include <cstdint>
#include <string>

#include "peer/layers/linear.h"

namespace peer::layers {

// What the forward keeps for the backward; sized for N tokens.
struct FeedForwardActivations {
  FeedForwardActivations() = default;
  FeedForwardActivations(std::int64_t tokens, std::int64_t hidden);
  Buffer<float> gate, up, product;  // (N, F)
};

// SwiGLU feed-forward: y += down(silu(gate x) * up x). The base's own, and a generation's small dense block (down = 0 at the start).
class FeedForward {
 public:
  // prefix "model.layers.0.mlp". output_deviation 0 makes a branch that changes nothing until it is trained.
  FeedForward(Parameters& parameters, const std::string& prefix, std::int64_t width, std::int64_t hidden, double output_deviation,
              ParameterGroup group, std::uint64_t seed);

  std::int64_t hidden() const { return gate_->shape[0]; }
  // x (N, D); y (N, D) added.
  void forward(Context& ctx, View<const float, 2> x, FeedForwardActivations& saved, View<float, 2> y) const;
  // dy (N, D); dx (N, D) added. `work` holds gradients of the saved activations, same sizes.
  void backward(Context& ctx, View<const float, 2> x, FeedForwardActivations& saved, View<const float, 2> dy, FeedForwardActivations& work,
                View<float, 2> dx) const;

 private:
  Parameter *gate_, *up_, *down_;
};

}  // namespace peer::layers
