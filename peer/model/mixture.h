#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "peer/base/options.h"

namespace peer::model {

struct MixtureOptions {
  double newest_prior = 0.1;
  double switch_share = 1e-3;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.newest_prior,
          OptionInfo{"newest-prior", "prior of the newest view at the start of a document; the older views share the rest"});
    visit(self.switch_share,
          OptionInfo{"switch-share", "weight that returns to the prior at every token, for domain switches inside a document"});
  }
};

// Prediction with several views, weighted by Bayes' rule on the text read so far, with a fixed share for switches
// (Herbster & Warmuth 1998):
//   p(x_t | x_<t) = sum_g w_g p_g(x_t | x_<t);   w_g <- (1-a) w_g p_g(x_t) / p(x_t) + a prior_g
// With a = 0 a document costs at most -log2 prior_g bits more than view g alone, for every g, whatever the other views predict.
class Mixture {
 public:
  // Views oldest first. The prior of the newest is e, of the one before (1-e) e, ..., of the oldest (1-e)^(G-1).
  Mixture(int views, const MixtureOptions& options);

  void start_document();  // the weights return to the prior
  std::span<const double> weights() const { return weight_; }
  std::span<const double> prior() const { return prior_; }
  // log_p (G): each view's natural log-probability of the token that came, minus infinity for a view that was not asked (not for all).
  // Returns the mixture's, and moves the weights.
  double update(std::span<const double> log_p);

 private:
  double switch_share_;
  std::vector<double> prior_, weight_, log_weight_;
};

}  // namespace peer::model
