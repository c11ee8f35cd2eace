// The t-interval of a mean over few runs (seeds, orders).
#pragma once

#include <vector>

#include "trainer/evaluation/bootstrap.h"

namespace peer::trainer {

// P(|t| <= x) of Student's t with `freedom` degrees of freedom, in closed form for whole degrees (Abramowitz & Stegun 26.7.3, 26.7.4).
double central_t_probability(double x, int freedom);

// mean ± t s / sqrt(n), 95 %; kMissing for fewer than two values.
Interval t_interval(const std::vector<double>& values);

}  // namespace peer::trainer
