#include "peer/layers/feed_forward.h"

#include <cmath>

#include "peer/ops/swiglu.h"

namespace peer::layers {

FeedForwardAdapters::FeedForwardAdapters(Parameters& parameters, const std::string& prefix, std::int64_t width, std::int64_t hidden,
                                         std::int64_t rank, std::uint64_t seed)
    : gate(LowRankAdapter::create(parameters, prefix + ".gate_proj", width, hidden, rank, seed)),
      up(LowRankAdapter::create(parameters, prefix + ".up_proj", width, hidden, rank, seed)),
      down(LowRankAdapter::create(parameters, prefix + ".down_proj", hidden, width, rank, seed)) {}

FeedForwardActivations::FeedForwardActivations(Device device, std::int64_t tokens, std::int64_t hidden, std::span<const std::int64_t> ranks)
    : gate(device, tokens * hidden), up(device, tokens * hidden), product(device, tokens * hidden) {
  make_room(tokens, ranks);
}

void FeedForwardActivations::make_room(std::int64_t tokens, std::span<const std::int64_t> ranks) {
  low.resize(ranks.size());
  const auto room = [&](std::int64_t size) { return Buffer<float>(gate.device(), size); };
  for (std::size_t g = 0; g < ranks.size(); ++g)
    if (const std::int64_t n = tokens * ranks[g]; low[g].size() < n) low[g] = {room(n), room(n), room(n)};
}

FeedForward::FeedForward(Parameters& parameters, const std::string& prefix, std::int64_t width, std::int64_t hidden,
                         double output_deviation, ParameterGroup group, std::uint64_t seed) {
  const bool decays = group == ParameterGroup::kTrunk;
  gate_ = &parameters.add(prefix + ".gate_proj.weight", {hidden, width}, group, decays);
  up_ = &parameters.add(prefix + ".up_proj.weight", {hidden, width}, group, decays);
  down_ = &parameters.add(prefix + ".down_proj.weight", {width, hidden}, group, decays);
  const double input_deviation = 1.0 / std::sqrt(static_cast<double>(width));
  parameters.draw(*gate_, input_deviation, seed);
  parameters.draw(*up_, input_deviation, seed);
  if (output_deviation > 0) parameters.draw(*down_, output_deviation, seed);
}

void FeedForward::forward(Context& ctx, View<const float, 2> x, std::span<const FeedForwardAdapters* const> adapters,
                          FeedForwardActivations& saved, View<float, 2> y) const {
  const std::int64_t n = x.shape[0], f = hidden();
  linear(ctx, x, *gate_, 0.0f, saved.gate.view(n, f));
  linear(ctx, x, *up_, 0.0f, saved.up.view(n, f));
  for (std::size_t g = 0; g < adapters.size(); ++g) {
    if (adapters[g] == nullptr) continue;
    const std::int64_t rank = adapters[g]->rank();
    adapters[g]->gate.forward(ctx, x, saved.low[g].gate.view(n, rank), saved.gate.view(n, f));
    adapters[g]->up.forward(ctx, x, saved.low[g].up.view(n, rank), saved.up.view(n, f));
  }
  ops::swiglu(ctx, {.gate = saved.gate.view(n, f), .up = saved.up.view(n, f), .y = saved.product.view(n, f)});
  linear(ctx, saved.product.view(n, f), *down_, 1.0f, y);
  for (std::size_t g = 0; g < adapters.size(); ++g)
    if (adapters[g] != nullptr) adapters[g]->down.forward(ctx, saved.product.view(n, f), saved.low[g].down.view(n, adapters[g]->rank()), y);
}

void FeedForward::backward(Context& ctx, View<const float, 2> x, std::span<const FeedForwardAdapters* const> adapters,
                           FeedForwardActivations& saved, View<const float, 2> dy, FeedForwardActivations& work, View<float, 2> dx) const {
  const std::int64_t n = x.shape[0], f = hidden();
  linear_backward(ctx, saved.product.view(n, f), dy, *down_, 0.0f, work.product.view(n, f));
  for (std::size_t g = 0; g < adapters.size(); ++g) {
    if (adapters[g] == nullptr) continue;
    const std::int64_t rank = adapters[g]->rank();
    adapters[g]->down.backward(ctx, saved.product.view(n, f), saved.low[g].down.view(n, rank), dy, work.low[g].down.view(n, rank),
                               work.product.view(n, f));
  }
  ops::swiglu_backward(ctx, {.gate = saved.gate.view(n, f),
                             .up = saved.up.view(n, f),
                             .dy = work.product.view(n, f),
                             .dgate = work.gate.view(n, f),
                             .dup = work.up.view(n, f)});
  linear_backward(ctx, x, work.gate.view(n, f), *gate_, 1.0f, dx);
  linear_backward(ctx, x, work.up.view(n, f), *up_, 1.0f, dx);
  for (std::size_t g = 0; g < adapters.size(); ++g) {
    if (adapters[g] == nullptr) continue;
    const std::int64_t rank = adapters[g]->rank();
    adapters[g]->gate.backward(ctx, x, saved.low[g].gate.view(n, rank), work.gate.view(n, f), work.low[g].gate.view(n, rank), dx);
    adapters[g]->up.backward(ctx, x, saved.low[g].up.view(n, rank), work.up.view(n, f), work.low[g].up.view(n, rank), dx);
  }
}

}  // namespace peer::layers
