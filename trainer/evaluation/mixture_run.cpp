#include "trainer/evaluation/mixture_run.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace peer::trainer {

double run_mixture(std::span<const std::vector<float>* const> log_p, const model::MixtureOptions& options,
                   const std::function<void(std::size_t token, std::span<const double> weights)>& see) {
  model::Mixture mixture(static_cast<int>(log_p.size()), options);
  std::vector<double> at_token(log_p.size());
  double nats = 0;
  for (std::size_t t = 0; t < log_p[0]->size(); ++t) {
    if (see) see(t, mixture.weights());
    for (std::size_t g = 0; g < log_p.size(); ++g) {
      const float p = (*log_p[g])[t];
      at_token[g] = std::isnan(p) ? -std::numeric_limits<double>::infinity() : static_cast<double>(p);
    }
    nats -= mixture.update(at_token);
  }
  return nats / std::numbers::ln2;
}

}  // namespace peer::trainer
