#include "peer/model/distribution.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "peer/base/option_check.h"

namespace peer::model {
namespace {

// A few of very many tokens are kept as a rule: a selection and a heap find them without sorting all.
void keep_likeliest(std::vector<double>& weight, std::int64_t top_k, double top_p) {
  const auto likelier = [&](std::size_t a, std::size_t b) { return weight[a] > weight[b] || (weight[a] == weight[b] && a < b); };
  std::vector<std::size_t> order(weight.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  auto kept = order.begin(), end = order.end();  // [kept, end)
  if (top_k > 0 && top_k < std::ssize(order)) {
    end = order.begin() + top_k;
    std::nth_element(order.begin(), end, order.end(), likelier);
  }
  if (top_p < 1) {
    double all = 0, sum = 0;
    std::for_each(kept, end, [&](std::size_t token) { all += weight[token]; });
    const auto later = [&](std::size_t a, std::size_t b) { return likelier(b, a); };
    std::make_heap(order.begin(), end, later);
    kept = end;
    do {
      std::pop_heap(order.begin(), kept, later);
      sum += weight[*--kept];
    } while (kept != order.begin() && sum < top_p * all);
  }
  std::vector<double> left(weight.size());
  std::for_each(kept, end, [&](std::size_t token) { left[token] = weight[token]; });
  weight = std::move(left);
}

// What a logit lies above its token's log-probability.
double shift_of(std::span<const float> logits) {
  const float best = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x) - best);
  return best + std::log(sum);
}

}  // namespace

Distribution log_softmax(std::span<const float> logits) {
  const double shift = shift_of(logits);
  Distribution log_p(logits.size());
  for (std::size_t v = 0; v < logits.size(); ++v) log_p[v] = logits[v] - shift;
  return log_p;
}

double log_softmax_of(std::span<const float> logits, std::int32_t token) {
  return logits[static_cast<std::size_t>(token)] - shift_of(logits);
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
