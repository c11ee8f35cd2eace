#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "peer/model/mixture.h"
#include "peer/model/model.h"

namespace peer::model {

struct SampleOptions {
  double temperature = 0.7;
  std::int64_t seed = 1;
};

// Continues `tokens` (at least one) by up to `count` tokens, drawn from the mixture over `views` raised to 1/temperature (0: the most
// likely token). The mixture's weights come from the whole text, each token's own distribution from the last T/2 to T tokens. Stops after
// `stop` (-1: never). `on_token` sees each as it comes; returning false ends the text.
void sample(Context& ctx, Model& model, std::span<const int> views, const MixtureOptions& mixture, const SampleOptions& options,
            const std::vector<std::int32_t>& tokens, std::int64_t count, std::int32_t stop,
            const std::function<bool(std::int32_t)>& on_token);

// What one view writes by itself: `rows` texts side by side, each `start` and then `count` tokens. Documents follow one another in a text
// as the view sees fit.
std::vector<std::vector<std::int32_t>> sample_alone(Context& ctx, Model& model, int view, const SampleOptions& options, std::int64_t rows,
                                                    std::int64_t count, std::int32_t start);

}  // namespace peer::model
