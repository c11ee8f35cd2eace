#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace peer::model {

using Distribution = std::vector<double>;  // natural log-probabilities of the V tokens

Distribution log_softmax(std::span<const float> logits);

// The token at `uniform` (in [0, 1)) of the distribution raised to 1/temperature and normalised; temperature 0: the most likely one.
std::int32_t draw(const Distribution& log_p, double temperature, double uniform);

}  // namespace peer::model
