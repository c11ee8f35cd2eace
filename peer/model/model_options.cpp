#include "peer/model/model_options.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include <fmt/format.h>

namespace peer::model {
namespace {

constexpr std::int64_t kLargestSide = 1 << 15;  // a block numbers its experts in 31 bits

void expect(bool held, const std::string& rule) {
  if (!held) throw UsageError("model options: " + rule);
}

}  // namespace

void check(const ModelOptions& o) {
  expect(o.vocabulary > 1 && o.width > 0 && o.layers > 0 && o.feed_forward > 0,
         "vocabulary, width, layers and feed-forward must be positive");
  expect(o.head_width >= 0, fmt::format("head-width must not be negative, found {}", o.head_width));
  expect(o.heads > 0 && (o.head_width > 0 || o.width % o.heads == 0),
         fmt::format("heads ({}) must divide width ({}) where head-width is not given", o.heads, o.width));
  expect(o.numbers_of_head() > 0 && o.numbers_of_head() % 2 == 0,
         fmt::format("{} must be even for rotary positions, found {}", o.head_width > 0 ? "head-width" : "width / heads",
                     o.numbers_of_head()));
  expect(o.kv_heads > 0 && o.heads % o.kv_heads == 0, fmt::format("kv-heads ({}) must divide heads ({})", o.kv_heads, o.heads));
  expect(o.rope_theta > 0, fmt::format("rope-theta must be above 0, found {}", o.rope_theta));
  const ops::RotaryScaling& rope = o.rope_scaling;
  expect(rope.factor >= 1 && std::isfinite(rope.factor), fmt::format("rope-factor must be 1 or above, found {}", rope.factor));
  expect(rope.original_context >= 0, fmt::format("rope-original-context must not be negative, found {}", rope.original_context));
  expect(rope.low_frequency > 0 && rope.high_frequency > rope.low_frequency && std::isfinite(rope.high_frequency),
         fmt::format("rope-low-frequency must be above 0 and below rope-high-frequency, found {} and {}", rope.low_frequency,
                     rope.high_frequency));
  expect(o.norm_epsilon > 0, fmt::format("norm-epsilon must be above 0, found {}", o.norm_epsilon));
  expect(o.context >= 2, "context must be at least 2 tokens");
  expect(o.page_experts > 0 && std::has_single_bit(static_cast<std::uint64_t>(o.page_experts)), "page-experts must be a power of two");
  for (const std::int64_t layer : o.peer_layers)
    expect(layer >= 0 && layer < o.layers, fmt::format("peer-layers: block {} does not exist, there are {} (from 0)", layer, o.layers));
  expect(o.peer.heads > 0 && o.peer.d_key >= 2 && o.peer.d_key % 2 == 0, "peer-heads must be positive and peer-d-key even");
  expect(o.peer.top_k > 0 && o.peer.top_k <= o.peer_side,
         fmt::format("peer-top-k ({}) must be between 1 and peer-side ({})", o.peer.top_k, o.peer_side));
  expect(o.peer_side <= kLargestSide, fmt::format("peer-side must be at most {}, found {}", kLargestSide, o.peer_side));
}

bool ModelOptions::has_peer(std::int64_t layer) const { return std::count(peer_layers.begin(), peer_layers.end(), layer) > 0; }

std::int64_t ModelOptions::feed_forward_of(std::int64_t layer) const { return has_peer(layer) && !peer_beside ? 0 : feed_forward; }

bool DeltaOptions::has_annex(std::int64_t layer) const {
  return annex_side > 0 && layer >= first_layer &&
         (annex_layers.empty() || std::count(annex_layers.begin(), annex_layers.end(), layer) > 0);
}

std::int64_t DeltaOptions::annexes(std::int64_t layers) const {
  std::int64_t count = 0;
  for (std::int64_t layer = 0; layer < layers; ++layer) count += has_annex(layer);
  return count;
}

void check(const ModelOptions& options, Device device) {
  constexpr std::int64_t kWidestOnCuda = 256;  // peer/ops/head_vector.cuh
  if (const std::int64_t width = options.numbers_of_head(); !device.is_cpu() && width > kWidestOnCuda)
    throw UsageError(fmt::format("option '{}': on {} a head has at most {} numbers, found {}; {} or --device cpu",
                                 options.head_width > 0 ? "head-width" : "heads", to_text(device), kWidestOnCuda, width,
                                 options.head_width > 0 ? "narrower ones" : "more heads"));
}

void check(const DeltaOptions& o, const ModelOptions& model) {
  const std::int64_t layers = model.layers;
  expect(o.annex_side >= 0 && o.dense_hidden >= 0 && o.adapter_rank >= 0 && o.feed_forward_rank >= 0,
         "annex-side, dense-hidden, adapter-rank and feed-forward-rank must not be negative");
  expect(o.vocabulary_rank >= 0 && o.vocabulary_rank <= model.width,
         fmt::format("vocabulary-rank must be between 0 and the width ({}), found {}", model.width, o.vocabulary_rank));
  expect(o.residual_scale > 0, fmt::format("residual-scale must be above 0, found {}", o.residual_scale));
  expect(o.first_layer >= 0 && o.first_layer < layers,
         fmt::format("first-layer: block {} does not exist, there are {} (from 0)", o.first_layer, layers));
  for (const std::int64_t layer : o.annex_layers)
    expect(layer >= 0 && layer < layers, fmt::format("annex-layers: block {} does not exist, there are {} (from 0)", layer, layers));
  if (o.annex_side == 0) return;
  expect(o.annex_side <= kLargestSide, fmt::format("annex-side must be at most {} ({} experts a layer), found {}", kLargestSide,
                                                   kLargestSide * kLargestSide, o.annex_side));
  expect(o.annex_heads > 0 && o.annex_d_key >= 2 && o.annex_d_key % 2 == 0, "annex-heads must be positive and annex-d-key even");
  expect(o.annex_top_k > 0 && o.annex_top_k <= o.annex_side,
         fmt::format("annex-top-k ({}) must be between 1 and annex-side ({})", o.annex_top_k, o.annex_side));
}

}  // namespace peer::model
