#include "peer/model/distribution.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "peer/base/philox.h"
#include "tests/support/catch.h"

using namespace peer;
using model::Distribution;
using model::DrawOptions;

namespace {

Distribution some_distribution(std::size_t tokens, std::uint32_t subject) {
  const Random random(5, Purpose::kTest, subject);
  std::vector<float> logits;
  for (std::size_t v = 0; v < tokens; ++v) logits.push_back(static_cast<float>(2 * random.normal(v)));
  return model::log_softmax(logits);
}

// The tokens from the likeliest down, as the definitions say it: each the likeliest of those that are left.
std::vector<std::size_t> by_likelihood(const std::vector<double>& p) {
  std::vector<std::size_t> order;
  std::vector<bool> taken(p.size());
  while (order.size() < p.size()) {
    std::size_t best = p.size();
    for (std::size_t v = 0; v < p.size(); ++v)
      if (!taken[v] && (best == p.size() || p[v] > p[best])) best = v;
    taken[best] = true;
    order.push_back(best);
  }
  return order;
}

void normalise(std::vector<double>& p) {
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& x : p) x /= sum;
}

// One step after the other, each on probabilities that add up to 1.
std::vector<double> reference(const Distribution& log_p, const DrawOptions& options) {
  std::vector<double> p;
  for (const double x : log_p) p.push_back(std::pow(std::exp(x), 1 / options.temperature));
  normalise(p);
  const std::vector<std::size_t> order = by_likelihood(p);
  for (std::size_t i = 0; i < order.size(); ++i)
    if (options.top_k > 0 && static_cast<std::int64_t>(i) >= options.top_k) p[order[i]] = 0;
  normalise(p);
  double before = 0;  // what the likelier tokens have
  for (const std::size_t v : order) {
    const double here = p[v];
    if (before >= options.top_p) p[v] = 0;
    before += here;
  }
  normalise(p);
  const double most = p[order[0]];
  for (double& x : p)
    if (x < options.min_p * most) x = 0;
  normalise(p);
  return p;
}

std::vector<double> drawn_from(const Distribution& log_p, const DrawOptions& options) {
  std::vector<double> weights = model::draw_weights(log_p, options);
  normalise(weights);
  return weights;
}

}  // namespace

TEST_CASE("drawing inverts the cumulative distribution, sharpened by the temperature") {
  const model::Distribution p = {std::log(0.2), std::log(0.5), std::log(0.3)};
  CHECK(model::draw(p, {.temperature = 1}, 0.19) == 0);
  CHECK(model::draw(p, {.temperature = 1}, 0.21) == 1);
  CHECK(model::draw(p, {.temperature = 1}, 0.69) == 1);
  CHECK(model::draw(p, {.temperature = 1}, 0.71) == 2);
  CHECK(model::draw(p, {.temperature = 0}, 0.99) == 1);
  // At temperature 1/2 the shares are 4, 25 and 9 of 38.
  CHECK(model::draw(p, {.temperature = 0.5}, 3.9 / 38) == 0);
  CHECK(model::draw(p, {.temperature = 0.5}, 4.1 / 38) == 1);
  CHECK(model::draw(p, {.temperature = 0.5}, 29.1 / 38) == 2);
}

TEST_CASE("temperature, top-k, top-p and min-p in this order give the reference's distribution") {
  int narrowed = 0;
  for (const double temperature : {0.5, 1.0, 1.7})
    for (const std::int64_t top_k : {0, 1, 7, 60, 1000})
      for (const double top_p : {0.01, 0.3, 0.9, 1.0})
        for (const double min_p : {0.0, 0.02, 0.3, 1.0})
          for (std::uint32_t subject = 0; subject < 4; ++subject) {
            const DrawOptions options = {.temperature = temperature, .top_k = top_k, .top_p = top_p, .min_p = min_p};
            const Distribution log_p = some_distribution(61, subject);
            CAPTURE(temperature, top_k, top_p, min_p, subject);
            const std::vector<double> found = drawn_from(log_p, options), expected = reference(log_p, options);
            for (std::size_t v = 0; v < found.size(); ++v) {
              CHECK((found[v] == 0) == (expected[v] == 0));
              CHECK(found[v] == Approx(expected[v]).epsilon(1e-9));
            }
            narrowed += std::ranges::count(found, 0.0) > 0;
          }
  CHECK(narrowed > 500);  // the cases do filter
}

TEST_CASE("each filter keeps the tokens that it names") {
  const Distribution p = {std::log(0.1), std::log(0.4), std::log(0.2), std::log(0.3)};
  const auto kept = [&](const DrawOptions& options) {
    std::vector<int> tokens;
    const std::vector<double> weights = model::draw_weights(p, options);
    for (int v = 0; v < 4; ++v)
      if (weights[static_cast<std::size_t>(v)] > 0) tokens.push_back(v);
    return tokens;
  };
  CHECK(kept({.temperature = 1}) == std::vector{0, 1, 2, 3});
  CHECK(kept({.temperature = 1, .top_k = 2}) == std::vector{1, 3});
  CHECK(kept({.temperature = 1, .top_p = 0.65}) == std::vector{1, 3});
  CHECK(kept({.temperature = 1, .top_p = 0.75}) == std::vector{1, 2, 3});
  CHECK(kept({.temperature = 1, .min_p = 0.45}) == std::vector{1, 2, 3});
  // Of the two that top-k leaves the likelier has 4 of 7.
  CHECK(kept({.temperature = 1, .top_k = 2, .top_p = 0.55}) == std::vector{1});
  CHECK(kept({.temperature = 1, .top_p = 0.55}) == std::vector{1, 3});
  // At temperature 1/2 the shares are 1, 16, 4 and 9 of 30.
  CHECK(kept({.temperature = 0.5, .min_p = 0.45}) == std::vector{1, 3});
  CHECK(kept({.temperature = 0.5, .top_p = 0.5}) == std::vector{1});
}

TEST_CASE("of many tokens the filters keep those that sorting all of them keeps") {
  const Random random(3, Purpose::kTest);
  std::vector<float> logits(3000);
  for (std::size_t v = 0; v < logits.size(); ++v) logits[v] = static_cast<float>(random.below(v, 40)) / 8;  // many are equal
  const Distribution log_p = model::log_softmax(logits);
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
  for (const std::int64_t top_k : {0, 1, 100, 2999, 3000, 5000})
    for (const double top_p : {1.0, 0.9, 0.1}) {
      const auto weight = model::draw_weights(log_p, {.temperature = 1, .top_k = top_k, .top_p = top_p});
      const auto kept = static_cast<std::size_t>(std::count_if(weight.begin(), weight.end(), [](double w) { return w > 0; }));
      CHECK(kept <= (top_k == 0 ? order.size() : static_cast<std::size_t>(top_k)));
      double all = 0, sum = 0;
      for (std::size_t i = 0; i < order.size(); ++i) {
        if (top_k == 0 || i < static_cast<std::size_t>(top_k)) all += std::exp(log_p[order[i]]);
        if (i < kept) sum += std::exp(log_p[order[i]]);
        REQUIRE((weight[order[i]] > 0) == (i < kept));
      }
      CHECK(sum >= top_p * all * (1 - 1e-9));
      CHECK(sum - std::exp(log_p[order[kept - 1]]) < top_p * all);
    }
  for (const std::int32_t token : {0, 7, 2999}) CHECK(model::log_softmax_of(logits, token) == log_p[static_cast<std::size_t>(token)]);
}

TEST_CASE("of equally likely tokens the first ones are kept, and one always is") {
  const Distribution even(10, std::log(0.1));
  const std::vector<double> three = model::draw_weights(even, {.temperature = 1, .top_k = 3});
  CHECK(std::accumulate(three.begin(), three.begin() + 3, 0.0) == 3);
  CHECK(std::accumulate(three.begin() + 3, three.end(), 0.0) == 0);
  for (const double uniform : {0.0, 0.5, 0.999999})
    CHECK(model::draw(even, {.temperature = 1, .top_k = 1, .top_p = 1e-300, .min_p = 1}, uniform) == 0);
}

TEST_CASE("options of a draw that cannot be meant are refused by name") {
  const auto refusal = [](const DrawOptions& options) -> std::string {
    try {
      model::check(options);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(refusal({.temperature = 0, .top_k = 0, .top_p = 1, .min_p = 1}) == "");
  CHECK(refusal({.temperature = -0.5}) == "option 'temperature': expected 0 or more, found -0.5");
  CHECK(refusal({.top_k = -1}) == "option 'top-k': expected 0 (all) or more, found -1");
  for (const double share : {0.0, -1.0, 1.01}) CHECK(refusal({.top_p = share}).starts_with("option 'top-p': expected"));
  for (const double share : {-0.01, 1.01}) CHECK(refusal({.min_p = share}).starts_with("option 'min-p': expected"));
}
