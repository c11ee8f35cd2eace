// The score of each view alone, token by token: what every mixture over some of the views is made of.
#pragma once

#include <span>
#include <vector>

#include "trainer/evaluation/bootstrap.h"
#include "trainer/evaluation/evaluate.h"

namespace peer::trainer {

ViewScores score_views(Context& ctx, LanguageModel language, std::span<const int> views, std::span<const streams::Document> documents,
                       const EvaluateOptions& options);

// By document, of the mixture over `views` (oldest first, all of them scored): bit for bit what score_domain gives for them. `documents`:
// those that were scored.
std::vector<DocumentBits> mixture_bits(const ViewScores& scores, std::span<const int> views, std::span<const streams::Document> documents,
                                       const model::MixtureOptions& options);

// weight[g][t]: the share that views[g] has in the mixture's prediction of token t of a document.
using TokenWeights = std::vector<std::vector<float>>;
TokenWeights mixture_weights(const ViewScores& scores, std::span<const int> views, std::size_t document,
                             const model::MixtureOptions& options);

}  // namespace peer::trainer
