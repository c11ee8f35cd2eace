#include "trainer/strategies/grown_part.h"

namespace peer::trainer {

std::vector<NumberRange> GrownPart::ranges(const layers::Parameter& parameter) const {
  if (parameter.name.find(".sub_keys.") == std::string::npos) return UpdateMask::ranges(parameter);
  const std::int64_t sets = parameter.shape[0], side = parameter.shape[1], width = parameter.shape[2];
  std::vector<NumberRange> ranges;
  for (std::int64_t set = 0; set < sets; ++set) ranges.push_back({(set * side + side_) * width, (side - side_) * width});
  return ranges;
}

}  // namespace peer::trainer
