#pragma once

#include "trainer/strategies/update_mask.h"

namespace peer::trainer {

// Of grids that were extended from side x side: the new experts and sub-keys. Query maps have no old part: they are free.
class GrownPart final : public UpdateMask {
 public:
  explicit GrownPart(std::int64_t side_before) : side_(side_before) {}

  bool allows(const layers::PeerBlock&, std::int64_t expert) const override { return expert >= side_ * side_; }  // numbered by shells
  std::vector<NumberRange> ranges(const layers::Parameter& parameter) const override;

 private:
  std::int64_t side_;
};

}  // namespace peer::trainer
