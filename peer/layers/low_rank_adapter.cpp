#include "peer/layers/low_rank_adapter.h"

#include <cmath>

namespace peer::layers {

LowRankAdapter LowRankAdapter::create(Parameters& parameters, const std::string& prefix, std::int64_t input, std::int64_t output,
                                      std::int64_t rank, std::uint64_t seed) {
  LowRankAdapter adapter;
  adapter.a = &parameters.add(prefix + ".lora_A.weight", {rank, input}, ParameterGroup::kDelta);
  adapter.b = &parameters.add(prefix + ".lora_B.weight", {output, rank}, ParameterGroup::kDelta);
  parameters.draw(*adapter.a, 1.0 / std::sqrt(static_cast<double>(input)), seed);
  return adapter;
}

void LowRankAdapter::forward(Context& ctx, const Operand& x, View<float, 2> low, View<float, 2> y) const {
  linear(ctx, x, *a, 0.0f, low);
  linear(ctx, low, *b, 1.0f, y);
}

void LowRankAdapter::backward(Context& ctx, const Operand& x, View<const float, 2> low, const Operand& dy, View<float, 2> dlow,
                              View<float, 2> dx) const {
  linear_backward(ctx, low, dy, *b, 0.0f, dlow);
  linear_backward(ctx, x, dlow, *a, 1.0f, dx);
}

}  // namespace peer::layers
