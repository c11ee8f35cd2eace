#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace peer::trainer {

// Share of the peak learning rate at a step (from 0): a linear rise over the warm-up, then half a cosine down to final_share.
inline double schedule(std::int64_t step, std::int64_t steps, double warmup_share, double final_share) {
  const double warmup = std::max(1.0, warmup_share * static_cast<double>(steps));
  const double at = static_cast<double>(step);
  if (at + 1 <= warmup) return (at + 1) / warmup;
  const double progress = std::min(1.0, (at + 1 - warmup) / std::max(1.0, static_cast<double>(steps) - warmup));
  return final_share + (1 - final_share) * 0.5 * (1 + std::cos(std::numbers::pi * progress));
}

}  // namespace peer::trainer
