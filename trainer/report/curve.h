// One domain's loss by stage as an inline SVG: dashed before it was learnt, solid since, a band for the 95 % interval, a level line at
// the loss right after learning, and a bar where naive fine-tuning ended.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "trainer/report/report.h"

namespace peer::trainer {

// The vertical scale that all curves of a report share, so that they can be compared.
struct LossScale {
  double low = 0, high = 1;
  std::vector<double> ticks;  // round numbers, one step apart, within [low, high]
};
LossScale loss_scale(const ForgettingReport& report);

std::string curve(const ForgettingReport& report, const LossScale& scale, std::size_t column);

}  // namespace peer::trainer
