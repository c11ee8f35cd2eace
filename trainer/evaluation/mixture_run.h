#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "peer/model/mixture.h"

namespace peer::trainer {

// The mixture over the views' recorded predictions of one document. log_p[g][t]: natural log-probability of token t by view g, NaN where
// it did not read: it then predicts nothing there (probability 0; not all views at once). `see`: the weights before each token.
// Returns bits.
double run_mixture(std::span<const std::vector<float>* const> log_p, const model::MixtureOptions& options,
                   const std::function<void(std::size_t token, std::span<const double> weights)>& see = {});

}  // namespace peer::trainer
