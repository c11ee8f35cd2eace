#pragma once

#include <span>
#include <string>
#include <vector>

#include "trainer/evaluation/view_scores.h"

namespace peer::trainer {

// How the mixture's weights moved along one document.
struct DocumentWeights {
  std::string title;                        // "law_de", or "novel_en, then py_code"
  std::vector<int> views;                   // G
  std::vector<std::vector<double>> weight;  // (points, G): means over stretches of equal length; a point sums to 1
  std::int64_t bytes = 0;
  std::int64_t boundary = -1;  // byte at which the second text begins; -1: one text
};

// Means of a document's weights over at most `points` stretches.
DocumentWeights summarise(const std::string& title, std::span<const int> views, const streams::Document& document,
                          const TokenWeights& weights, std::size_t points);

// The longest document, cut to at most `bytes` at a character.
streams::Document longest(std::span<const streams::Document> documents, std::int64_t bytes);

}  // namespace peer::trainer
