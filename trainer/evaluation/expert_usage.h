#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "trainer/evaluation/view_scores.h"

namespace peer::trainer {

// A product-key block by where it was grown.
struct UsedBlock {
  int view = 0, layer = 0;
  std::int64_t experts = 0;  // E
};

// What the text of one domain did in one block. The two halves are every other document, so that a domain can be compared with itself.
struct BlockUse {
  std::array<std::vector<double>, 2> mass;  // (E)  sum over tokens of the gate, times the weight of the view that read the token
  std::vector<bool> top;                    // (E)  was some token's pick with the largest gate, whatever the view's weight
};

// Where the text of each domain goes, in every block that the predicting views pass through. 16 bytes an expert and domain.
struct ExpertUsage {
  std::vector<UsedBlock> blocks;               // by view, then by layer
  std::vector<std::vector<BlockUse>> domains;  // (T, blocks)
};

// Adds a domain by reading its documents once with every view. `weights`: of the mixture over `views`, by document. Every token counts
// once, as the one to be predicted: with what the views retrieved to predict it, and with the weight that each had in the prediction.
void add_domain(ExpertUsage& usage, Context& ctx, LanguageModel language, std::span<const int> views,
                std::span<const streams::Document> documents, std::span<const TokenWeights> weights, const EvaluateOptions& options);

}  // namespace peer::trainer
