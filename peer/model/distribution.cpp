#include "peer/model/distribution.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "peer/base/option_check.h"

namespace peer::model {
namespace {

std::vector<std::size_t> likeliest_first(const std::vector<double>& weight) {
  std::vector<std::size_t> order(weight.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return weight[a] > weight[b]; });
  return order;
}

void keep_likeliest(std::vector<double>& weight, std::int64_t top_k, double top_p) {
  std::vector<std::size_t> order = likeliest_first(weight);
  std::size_t kept = order.size();
  if (top_k > 0) kept = std::min(kept, static_cast<std::size_t>(top_k));
  if (top_p < 1) {
    double all = 0, sum = 0;
    for (std::size_t i = 0; i < kept; ++i) all += weight[order[i]];
    std::size_t needed = 0;
    while (needed < kept && sum < top_p * all) sum += weight[order[needed++]];
    kept = std::max<std::size_t>(needed, 1);
  }
  for (std::size_t i = kept; i < order.size(); ++i) weight[order[i]] = 0;
}

}  // namespace

Distribution log_softmax(std::span<const float> logits) {
  const float best = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x) - best);
  const double shift = best + std::log(sum);
  Distribution log_p;
  for (const float x : logits) log_p.push_back(x - shift);
  return log_p;
}

void check(const DrawOptions& options) {
  check_option(options.temperature >= 0, "temperature", "0 or more", options.temperature);
  check_option(options.top_k >= 0, "top-k", "0 (all) or more", options.top_k);
  check_option(options.top_p > 0 && options.top_p <= 1, "top-p", "a share above 0, up to 1 (all)", options.top_p);
  check_option(options.min_p >= 0 && options.min_p <= 1, "min-p", "a share from 0 (all) to 1", options.min_p);
}

std::vector<double> draw_weights(const Distribution& log_p, const DrawOptions& options) {
  const auto best = std::max_element(log_p.begin(), log_p.end());
  std::vector<double> weight(log_p.size());
  if (options.temperature <= 0) {
    weight[static_cast<std::size_t>(best - log_p.begin())] = 1;
    return weight;
  }
  for (std::size_t v = 0; v < weight.size(); ++v) weight[v] = std::exp((log_p[v] - *best) / options.temperature);
  if (options.top_k > 0 || options.top_p < 1) keep_likeliest(weight, options.top_k, options.top_p);
  for (double& w : weight)  // the most likely token's is 1
    if (w < options.min_p) w = 0;
  return weight;
}

std::int32_t draw(const Distribution& log_p, const DrawOptions& options, double uniform) {
  const std::vector<double> weight = draw_weights(log_p, options);
  double rest = uniform * std::accumulate(weight.begin(), weight.end(), 0.0);
  for (std::size_t v = 0; v < weight.size(); ++v) {
    rest -= weight[v];
    if (rest < 0) return static_cast<std::int32_t>(v);
  }
  return static_cast<std::int32_t>(std::max_element(weight.begin(), weight.end()) - weight.begin());  // rounding left something over
}

}  // namespace peer::model
