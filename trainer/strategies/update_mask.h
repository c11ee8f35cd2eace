#pragma once

#include <cstdint>
#include <vector>

#include "peer/layers/peer_block.h"

namespace peer::trainer {

struct NumberRange {
  std::int64_t first = 0, count = 0;
};

// What an update may touch of what is trainable: the grain below whole tensors and whole blocks. It masks the update itself, not the
// gradient alone, so that no decay or momentum moves what is outside.
class UpdateMask {
 public:
  virtual ~UpdateMask() = default;
  virtual bool allows(const layers::PeerBlock& block, std::int64_t expert) const = 0;
  virtual std::vector<NumberRange> ranges(const layers::Parameter& parameter) const { return {{0, parameter.size()}}; }
};

}  // namespace peer::trainer
