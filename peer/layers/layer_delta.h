#pragma once

#include <cstdint>
#include <optional>

#include "peer/layers/attention_layer.h"
#include "peer/layers/feed_forward.h"
#include "peer/layers/peer_block.h"

namespace peer::layers {

// What one generation adds to one layer. Each part is optional and adds exactly zero until it is trained.
struct LayerDelta {
  std::optional<AttentionAdapters> adapters;
  std::optional<FeedForward> dense;
  std::optional<PeerBlock> annex;
};

}  // namespace peer::layers
