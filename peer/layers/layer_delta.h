#pragma once

#include <cstdint>
#include <optional>

#include "peer/layers/attention_layer.h"
#include "peer/layers/feed_forward.h"
#include "peer/layers/peer_block.h"

namespace peer::layers {

// What one view adds to one layer. Each part is optional and adds exactly zero until it is trained.
struct LayerDelta {
  std::optional<AttentionAdapters> adapters;
  std::optional<FeedForwardAdapters> feed_forward_adapters;
  std::optional<FeedForward> dense;
  std::optional<PeerBlock> annex;
  float residual_scale = 1;  // factor on what dense block and annex add
};

}  // namespace peer::layers
