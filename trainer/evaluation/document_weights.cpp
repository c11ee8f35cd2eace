#include "trainer/evaluation/document_weights.h"

#include <algorithm>

#include "peer/base/require.h"
#include "trainer/state/held_out.h"

namespace peer::trainer {

DocumentWeights summarise(const std::string& title, std::span<const int> views, const streams::Document& document,
                          const TokenWeights& weights, std::size_t points) {
  require(!weights.empty() && !weights.front().empty(), "document weights: there must be a token");
  const std::size_t tokens = weights.front().size(), stretches = std::min(points, tokens);
  DocumentWeights summary;
  summary.title = title, summary.views.assign(views.begin(), views.end()), summary.bytes = std::ssize(document.text);
  for (std::size_t p = 0; p < stretches; ++p) {
    const std::size_t begin = p * tokens / stretches, end = (p + 1) * tokens / stretches;
    auto& point = summary.weight.emplace_back();
    for (const std::vector<float>& view : weights) {
      double sum = 0;
      for (std::size_t t = begin; t < end; ++t) sum += static_cast<double>(view[t]);
      point.push_back(sum / static_cast<double>(end - begin));
    }
  }
  return summary;
}

streams::Document longest(std::span<const streams::Document> documents, std::int64_t bytes) {
  require(!documents.empty(), "document weights: there must be a document");
  const auto& most =
      *std::max_element(documents.begin(), documents.end(), [](const auto& a, const auto& b) { return a.text.size() < b.text.size(); });
  return select_held_out({most}, bytes).front();
}

}  // namespace peer::trainer
