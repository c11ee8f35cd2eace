#pragma once

#include <cstdint>
#include <string>

#include "peer/layers/linear.h"

namespace peer::layers {

// A low-rank change of a linear map: y += B (A x), A (rank, I) ~ N(0, 1/I), B (O, rank) = 0 at the start.       (Hu et al. 2021)
struct LowRankAdapter {
  Parameter* a = nullptr;
  Parameter* b = nullptr;

  static LowRankAdapter create(Parameters& parameters, const std::string& prefix, std::int64_t input, std::int64_t output,
                               std::int64_t rank, std::uint64_t seed);
  std::int64_t rank() const { return a->shape[0]; }

  // low (N, rank) set, saved for backward; y (N, O) added.
  void forward(Context& ctx, const Operand& x, View<float, 2> low, View<float, 2> y) const;
  // dlow (N, rank) is workspace; dx (N, I) added.
  void backward(Context& ctx, const Operand& x, View<const float, 2> low, const Operand& dy, View<float, 2> dlow, View<float, 2> dx) const;
};

}  // namespace peer::layers
