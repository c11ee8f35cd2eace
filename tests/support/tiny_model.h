// A model small enough for finite differences and exact comparisons.
#pragma once

#include <algorithm>
#include <vector>

#include "peer/base/philox.h"
#include "peer/model/model.h"

namespace peer::test {

inline model::ModelOptions tiny_options() {
  model::ModelOptions o;
  o.vocabulary = 257, o.width = 16, o.layers = 2, o.heads = 4, o.kv_heads = 2, o.feed_forward = 24, o.context = 16;
  o.peer_layers = {1}, o.peer_side = 6, o.page_experts = 16;
  o.peer.heads = 2, o.peer.top_k = 3, o.peer.d_key = 8;
  return o;
}

inline model::DeltaOptions tiny_delta() {
  return {.annex_side = 4, .annex_heads = 2, .annex_top_k = 2, .annex_d_key = 8, .dense_hidden = 8, .adapter_rank = 2};
}

// Tokens of a fixed, uneven distribution.
inline std::vector<std::int32_t> tiny_tokens(std::int64_t count, std::int64_t vocabulary, std::uint64_t seed = 1) {
  const Random random(seed, Purpose::kTest);
  std::vector<std::int32_t> tokens;
  for (std::int64_t i = 0; i < count; ++i) {
    const double u = random.uniform(static_cast<std::uint64_t>(i));
    tokens.push_back(static_cast<std::int32_t>(u * u * static_cast<double>(vocabulary)));
  }
  return tokens;
}

// Moves every number of a view away from its initial value, zeros included.
inline void randomise(model::Model& model, int view, float scale, std::uint64_t seed = 9) {
  std::uint32_t subject = 0;
  for (auto& parameter : model.parameters(view)) {
    const Random random(seed, Purpose::kTest, ++subject);
    if (parameter->group == layers::ParameterGroup::kStatistics) continue;
    for (std::int64_t i = 0; i < parameter->size(); ++i)
      parameter->write()[i] += scale * static_cast<float>(random.normal(static_cast<std::uint64_t>(i)));
  }
  model.for_each_block(view, [&](layers::PeerBlock& block, int) {
    const Random random(seed, Purpose::kTest, ++subject);
    const std::int64_t floats = 2 * block.experts().width();
    for (std::int64_t e = 0; e < block.experts().count(); ++e)
      for (std::int64_t f = 0; f < floats; ++f)
        block.experts().owned_parameters(e)[f] += scale * static_cast<float>(random.normal(static_cast<std::uint64_t>(e * floats + f)));
  });
}

inline std::vector<float> logits_of(Context& ctx, model::Model& model, int view, const std::vector<std::int32_t>& tokens,
                                    std::int64_t length) {
  const auto count = static_cast<std::int64_t>(tokens.size());
  model::Activations saved(model, view, count / length, length, false);
  Buffer<std::int32_t> token(model.device(), count);
  std::copy_n(tokens.data(), count, token.data());
  model.forward(ctx, token.view(count), saved, false);
  ctx.wait();
  return {saved.logits.data(), saved.logits.data() + saved.logits.size()};
}

}  // namespace peer::test
