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
    : gate(device, tokens, hidden), up(device, tokens, hidden), product(device, tokens, hidden) {
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

void FeedForward::forward(Context& ctx, const Operand& x, std::span<const FeedForwardAdapters* const> adapters,
                          FeedForwardActivations& saved, View<float, 2> y) const {
  const std::int64_t n = x.rows();
  const View<float, 2> gate = saved.gate.numbers(), up = saved.up.numbers();
  linear(ctx, x, *gate_, 0.0f, gate);
  linear(ctx, x, *up_, 0.0f, up);
  for (std::size_t g = 0; g < adapters.size(); ++g) {
    if (adapters[g] == nullptr) continue;
    const std::int64_t rank = adapters[g]->rank();
    adapters[g]->gate.forward(ctx, x, saved.low[g].gate.view(n, rank), gate);
    adapters[g]->up.forward(ctx, x, saved.low[g].up.view(n, rank), up);
  }
  ops::swiglu(ctx, {.gate = gate, .up = up, .y = saved.product.target(ctx)});
  const Operand product = saved.product.operand();
  linear(ctx, product, *down_, 1.0f, y);
  for (std::size_t g = 0; g < adapters.size(); ++g)
    if (adapters[g] != nullptr) adapters[g]->down.forward(ctx, product, saved.low[g].down.view(n, adapters[g]->rank()), y);
}

void FeedForward::backward(Context& ctx, const Operand& x, std::span<const FeedForwardAdapters* const> adapters,
                           FeedForwardActivations& saved, View<const float, 2> dy, FeedForwardActivations& work, View<float, 2> dx) const {
  const std::int64_t n = x.rows();
  const Operand product = saved.product.operand();
  const View<float, 2> dproduct = work.product.numbers();
  linear_backward(ctx, product, dy, *down_, 0.0f, dproduct);
  for (std::size_t g = 0; g < adapters.size(); ++g) {
    if (adapters[g] == nullptr) continue;
    const std::int64_t rank = adapters[g]->rank();
    adapters[g]->down.backward(ctx, product, saved.low[g].down.view(n, rank), dy, work.low[g].down.view(n, rank), dproduct);
  }
  ops::swiglu_backward(
      ctx,
      {.gate = saved.gate.numbers(), .up = saved.up.numbers(), .dy = dproduct, .dgate = work.gate.target(ctx), .dup = work.up.target(ctx)});
  const Operand dgate = work.gate.operand(), dup = work.up.operand();
  linear_backward(ctx, x, dgate, *gate_, 1.0f, dx);
  linear_backward(ctx, x, dup, *up_, 1.0f, dx);
  for (std::size_t g = 0; g < adapters.size(); ++g) {
    if (adapters[g] == nullptr) continue;
    const std::int64_t rank = adapters[g]->rank();
    adapters[g]->gate.backward(ctx, x, saved.low[g].gate.view(n, rank), dgate, work.low[g].gate.view(n, rank), dx);
    adapters[g]->up.backward(ctx, x, saved.low[g].up.view(n, rank), dup, work.low[g].up.view(n, rank), dx);
  }
}

}  // namespace peer::layers
