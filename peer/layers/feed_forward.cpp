#include "peer/layers/feed_forward.h"

#include <cmath>

#include "peer/layers/initialise.h"
#include "peer/ops/swiglu.h"

namespace peer::layers {

FeedForwardActivations::FeedForwardActivations(std::int64_t tokens, std::int64_t hidden)
    : gate(tokens * hidden), up(tokens * hidden), product(tokens * hidden) {}

FeedForward::FeedForward(Parameters& parameters, const std::string& prefix, std::int64_t width, std::int64_t hidden,
                         double output_deviation, ParameterGroup group, std::uint64_t seed) {
  const bool decays = group == ParameterGroup::kTrunk;
  gate_ = &parameters.add(prefix + ".gate_proj.weight", {hidden, width}, group, decays);
  up_ = &parameters.add(prefix + ".up_proj.weight", {hidden, width}, group, decays);
  down_ = &parameters.add(prefix + ".down_proj.weight", {width, hidden}, group, decays);
  const double input_deviation = 1.0 / std::sqrt(static_cast<double>(width));
  initialise_normal(gate_->value.data(), gate_->size(), input_deviation, seed, gate_->name);
  initialise_normal(up_->value.data(), up_->size(), input_deviation, seed, up_->name);
  if (output_deviation > 0) initialise_normal(down_->value.data(), down_->size(), output_deviation, seed, down_->name);
}

void FeedForward::forward(Context& ctx, View<const float, 2> x, FeedForwardActivations& saved, View<float, 2> y) const {
  const std::int64_t n = x.shape[0], f = hidden();
  linear(ctx, x, *gate_, 0.0f, saved.gate.view(n, f));
  linear(ctx, x, *up_, 0.0f, saved.up.view(n, f));
  ops::swiglu(ctx, {.gate = saved.gate.view(n, f), .up = saved.up.view(n, f), .y = saved.product.view(n, f)});
  linear(ctx, saved.product.view(n, f), *down_, 1.0f, y);
}

void FeedForward::backward(Context& ctx, View<const float, 2> x, FeedForwardActivations& saved, View<const float, 2> dy,
                           FeedForwardActivations& work, View<float, 2> dx) const {
  const std::int64_t n = x.shape[0], f = hidden();
  linear_backward(ctx, saved.product.view(n, f), dy, *down_, 0.0f, work.product.view(n, f));
  ops::swiglu_backward(ctx, {.gate = saved.gate.view(n, f),
                             .up = saved.up.view(n, f),
                             .dy = work.product.view(n, f),
                             .dgate = work.gate.view(n, f),
                             .dup = work.up.view(n, f)});
  linear_backward(ctx, x, work.gate.view(n, f), *gate_, 1.0f, dx);
  linear_backward(ctx, x, work.up.view(n, f), *up_, 1.0f, dx);
}

}  // namespace peer::layers
