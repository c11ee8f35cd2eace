#include "peer/model/distribution.h"

#include <algorithm>
#include <cmath>

namespace peer::model {

Distribution log_softmax(std::span<const float> logits) {
  const float best = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x) - best);
  const double shift = best + std::log(sum);
  Distribution log_p;
  for (const float x : logits) log_p.push_back(x - shift);
  return log_p;
}

std::int32_t draw(const Distribution& log_p, double temperature, double uniform) {
  const auto best = std::max_element(log_p.begin(), log_p.end());
  if (temperature <= 0) return static_cast<std::int32_t>(best - log_p.begin());
  std::vector<double> weight;
  double sum = 0;
  for (const double p : log_p) sum += weight.emplace_back(std::exp((p - *best) / temperature));
  double rest = uniform * sum;
  for (std::size_t v = 0; v < weight.size(); ++v) {
    rest -= weight[v];
    if (rest < 0) return static_cast<std::int32_t>(v);
  }
  return static_cast<std::int32_t>(best - log_p.begin());  // rounding left something over
}

}  // namespace peer::model
