// Learning rates over the steps of a stage, as shares of their peaks.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "trainer/options/train_options.h"

namespace peer::trainer {

// Half a cosine from 1 at progress 0 to `low` at progress 1.
inline double cosine_fall(double progress, double low) { return low + (1 - low) * 0.5 * (1 + std::cos(std::numbers::pi * progress)); }

// Share of the peak at a step (from 0): a linear rise over the warm-up, then half a cosine down to final_share.
inline double schedule(std::int64_t step, std::int64_t steps, double warmup_share, double final_share) {
  const double warmup = std::max(1.0, warmup_share * static_cast<double>(steps));
  const double at = static_cast<double>(step);
  if (at + 1 <= warmup) return (at + 1) / warmup;
  return cosine_fall(std::min(1.0, (at + 1 - warmup) / std::max(1.0, static_cast<double>(steps) - warmup)), final_share);
}

// Rates without an end (Ibrahim et al. 2024): rise, cooldown along half a cosine to a constant share, constant, and over the last
// anneal_share of the steps down to the final share as 1 - sqrt(progress) (Haegele et al. 2024).
inline double infinite_schedule(std::int64_t step, const TrainOptions& o) {
  const double steps = static_cast<double>(o.steps), done = static_cast<double>(step) + 1;
  const double warmup = o.warmup_share * steps, cooldown = o.cooldown_share * steps;
  const double anneal = o.anneal_share * steps, annealed = done - (steps - anneal);
  double share = o.constant_share;
  if (done <= warmup)
    share = done / warmup;
  else if (done < warmup + cooldown)
    share = cosine_fall((done - warmup) / cooldown, o.constant_share);
  if (annealed <= 0) return share;
  return o.final_share + (share - o.final_share) * (1 - std::sqrt(std::min(1.0, annealed / anneal)));
}

inline double rate_share(std::int64_t step, const TrainOptions& o) {
  if (o.schedule == Schedule::kInfinite) return infinite_schedule(step, o);
  return schedule(step, o.steps, o.warmup_share, o.final_share);
}

// Of a stage that is not the first of its pool. Infinite rates do not rise and cool down again: they begin at the constant one that the
// stage before would have gone on with.
inline TrainOptions later_stage(TrainOptions o) {
  if (o.schedule == Schedule::kInfinite) o.warmup_share = o.cooldown_share = 0;
  return o;
}

}  // namespace peer::trainer
