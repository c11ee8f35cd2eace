#include "peer/model/mixture.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "peer/base/require.h"

namespace peer::model {

Mixture::Mixture(int views, const MixtureOptions& options)
    : switch_share_(options.switch_share), prior_(static_cast<std::size_t>(views)), weight_(prior_.size()), log_weight_(prior_.size()) {
  require(views > 0, "mixture: there must be a view");
  if (!(options.newest_prior > 0 && options.newest_prior < 1)) throw UsageError("option 'newest-prior': expected a number between 0 and 1");
  if (!(options.switch_share >= 0 && options.switch_share < 1)) throw UsageError("option 'switch-share': expected a number in [0, 1)");
  double rest = 1;
  for (int g = views - 1; g > 0; --g) {
    prior_[g] = rest * options.newest_prior;
    rest -= prior_[g];
  }
  prior_[0] = rest;
  start_document();
}

void Mixture::start_document() {
  weight_ = prior_;
  for (std::size_t g = 0; g < prior_.size(); ++g) log_weight_[g] = std::log(prior_[g]);
}

double Mixture::update(std::span<const double> log_p) {
  require(log_p.size() == prior_.size(), "mixture: one log-probability a view");
  double best = -std::numeric_limits<double>::infinity();
  for (std::size_t g = 0; g < prior_.size(); ++g) {
    log_weight_[g] += log_p[g];
    best = std::max(best, log_weight_[g]);
  }
  double sum = 0;
  for (const double joint : log_weight_) sum += std::exp(joint - best);
  const double log_mixture = best + std::log(sum);
  for (std::size_t g = 0; g < prior_.size(); ++g) {
    log_weight_[g] -= log_mixture;  // in logarithms: a view far behind keeps its exact weight, and with it the bound
    weight_[g] = std::exp(log_weight_[g]);
    if (switch_share_ == 0) continue;
    weight_[g] = (1 - switch_share_) * weight_[g] + switch_share_ * prior_[g];
    log_weight_[g] = std::log(weight_[g]);
  }
  return log_mixture;
}

}  // namespace peer::model
