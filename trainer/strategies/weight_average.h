// Weights between those of before and those of after.
#pragma once

#include <span>

#include "trainer/strategies/parameter_field.h"

namespace peer::trainer {

// w <- share * other + (1 - share) * w, for what the views may change; with a share of 1 the bits of `other`.
void blend(model::Model& model, std::span<const int> views, const ParameterField& other, double share);

// Exponential moving average over the steps of a stage:   average_n = d average_{n-1} + (1 - d) w_n
//   = d^n w_0 + (1 - d) sum_{i=1..n} d^(n-i) w_i,   w_0: the weights at the start
// A number that did not move is its own average, bit for bit.
class WeightAverage {
 public:
  WeightAverage(model::Model& model, std::span<const int> views, double decay);  // starts at the weights of now
  void take_step();

  ParameterField& average() { return average_; }
  const ParameterField& average() const { return average_; }

 private:
  ParameterField average_;
  double decay_;
};

}  // namespace peer::trainer
