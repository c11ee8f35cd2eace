// How a model that was trained on short windows turns its rotary positions to read longer ones. Shared by both twins: arithmetic alone.
#pragma once

#include <cstdint>

namespace peer::ops {

// The frequencies of rotary positions, with w the turns that one makes within the original context C, w = f C / 2 pi:
//   f' = f                               w > high                  (Llama 3.1; `llama3` in transformers)
//   f' = f / factor                      w < low, or C = 0: all of them (Chen et al. 2023; `linear`)
//   f' = f (s + (1 - s) / factor)        between, s = (w - low) / (high - low)
struct RotaryScaling {
  double factor = 1;  // 1: none is changed
  std::int64_t original_context = 0;
  double low_frequency = 1, high_frequency = 4;  // turns within the original context; low < high
  bool operator==(const RotaryScaling&) const = default;
};

// Exactly `frequency` where nothing is changed.
constexpr double scaled_frequency(double frequency, const RotaryScaling& scaling) {
  if (scaling.factor == 1) return frequency;
  if (scaling.original_context == 0) return frequency / scaling.factor;
  const double turns = frequency * static_cast<double>(scaling.original_context) / 6.283185307179586;
  if (turns < scaling.low_frequency) return frequency / scaling.factor;
  if (turns > scaling.high_frequency) return frequency;
  const double share = (turns - scaling.low_frequency) / (scaling.high_frequency - scaling.low_frequency);
  return frequency * (share + (1 - share) / scaling.factor);
}

}  // namespace peer::ops
