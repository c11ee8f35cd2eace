#include "trainer/evaluation/view_guess.h"

#include <algorithm>
#include <cmath>

#include "peer/base/require.h"

namespace peer::trainer {
namespace {

constexpr double kSharpness = 0.5;  // power of a byte's evidence
constexpr double kSwitch = 0.02;    // chance that the next byte is another view's turn, any of them alike

// by view: exp(kSharpness * log_p[t]), scaled so that the largest is 1
std::vector<double> evidence(std::span<const std::vector<float>> log_p, std::size_t t) {
  float best = log_p[0][t];
  for (const auto& of_view : log_p) best = std::max(best, of_view[t]);
  std::vector<double> e;
  for (const auto& of_view : log_p) e.push_back(std::exp(kSharpness * (of_view[t] - best)));
  return e;
}

void normalise(std::vector<double>& p) {
  double sum = 0;
  for (const double x : p) sum += x;
  for (double& x : p) x /= sum;
}

// The chain's step, which is its own transpose: (1 - a) p + a mean(p).
void step(std::vector<double>& p) {
  double mean = 0;
  for (const double x : p) mean += x / static_cast<double>(p.size());
  for (double& x : p) x = (1 - kSwitch) * x + kSwitch * mean;
}

}  // namespace

std::vector<std::vector<float>> view_chances(std::span<const std::vector<float>> log_p) {
  require(!log_p.empty(), "view guess: there must be a view");
  const std::size_t views = log_p.size(), bytes = log_p[0].size();
  std::vector<std::vector<float>> chances(views, std::vector<float>(bytes));
  std::vector<double> forward(views, 1.0 / static_cast<double>(views)), backward(views, 1.0);
  for (std::size_t t = 0; t < bytes; ++t) {
    if (t > 0) step(forward);
    const std::vector<double> e = evidence(log_p, t);
    for (std::size_t g = 0; g < views; ++g) forward[g] *= e[g];
    normalise(forward);
    for (std::size_t g = 0; g < views; ++g) chances[g][t] = static_cast<float>(forward[g]);
  }
  for (std::size_t t = bytes; t-- > 0;) {
    std::vector<double> both(views);
    for (std::size_t g = 0; g < views; ++g) both[g] = chances[g][t] * backward[g];
    normalise(both);
    for (std::size_t g = 0; g < views; ++g) chances[g][t] = static_cast<float>(both[g]);
    const std::vector<double> e = evidence(log_p, t);
    for (std::size_t g = 0; g < views; ++g) backward[g] *= e[g];
    step(backward);
    normalise(backward);
  }
  return chances;
}

std::vector<std::vector<bool>> needed_views(std::span<const std::vector<float>> chances, std::span<const Window> windows, double least) {
  const auto bytes = static_cast<std::int64_t>(chances[0].size());
  std::vector<std::vector<bool>> needed(chances.size(), std::vector<bool>(windows.size()));
  for (std::size_t w = 0; w < windows.size(); ++w) {
    const std::int64_t end = std::min(windows[w].end, bytes), begin = std::min(windows[w].score_begin, std::max<std::int64_t>(end - 1, 0));
    std::size_t likeliest = 0;
    double most = -1;
    for (std::size_t g = 0; g < chances.size(); ++g) {
      double sum = 0;
      for (std::int64_t t = begin; t < end; ++t) {
        sum += chances[g][static_cast<std::size_t>(t)];
        if (chances[g][static_cast<std::size_t>(t)] >= least) needed[g][w] = true;
      }
      if (sum > most) most = sum, likeliest = g;
    }
    needed[likeliest][w] = true;
  }
  return needed;
}

}  // namespace peer::trainer
