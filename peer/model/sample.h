#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "peer/model/distribution.h"
#include "peer/model/mixture.h"
#include "peer/model/model.h"

namespace peer::model {

struct SampleOptions {
  DrawOptions draw;
  std::int64_t seed = 1;
  std::uint32_t number = 0;  // of the text among those that one prompt and seed give
};

// Continues `tokens` (at least one) by up to `count` tokens, drawn as options.draw says from the mixture over `views`. The mixture's
// weights come from the whole text, each token's own distribution from the last T/2 to T tokens. Ends before the first of the sequences
// `stops` (none empty). `on_token` sees each token as soon as it is sure to be no part of one; returning false ends the text.
void sample(Context& ctx, Model& model, std::span<const int> views, const MixtureOptions& mixture, const SampleOptions& options,
            const std::vector<std::int32_t>& tokens, std::int64_t count, const std::vector<std::vector<std::int32_t>>& stops,
            const std::function<bool(std::int32_t)>& on_token);

// What one view writes by itself: `rows` texts side by side, each `start` and then `count` tokens. Documents follow one another in a text
// as the view sees fit.
std::vector<std::vector<std::int32_t>> sample_alone(Context& ctx, Model& model, int view, const SampleOptions& options, std::int64_t rows,
                                                    std::int64_t count, std::int32_t start);

}  // namespace peer::model
