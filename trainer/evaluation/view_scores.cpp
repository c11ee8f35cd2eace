#include "trainer/evaluation/view_scores.h"

#include "peer/base/require.h"
#include "trainer/evaluation/mixture_run.h"

namespace peer::trainer {
namespace {

std::vector<const std::vector<float>*> of_document(const ViewScores& scores, std::span<const int> views, std::size_t document) {
  std::vector<const std::vector<float>*> log_p;
  for (const int view : views) {
    require(scores.contains(view), "view scores: every view of the mixture must be scored");
    log_p.push_back(&scores.at(view)[document]);
  }
  return log_p;
}

}  // namespace

ViewScores score_views(Context& ctx, LanguageModel language, std::span<const int> views, std::span<const streams::Document> documents,
                       const EvaluateOptions& options) {
  ViewScores scores;
  for (const int view : views) scores[view] = score_documents(ctx, language, view, documents, options);
  return scores;
}

std::vector<DocumentBits> mixture_bits(const ViewScores& scores, std::span<const int> views, std::span<const streams::Document> documents,
                                       const model::MixtureOptions& options) {
  require(!views.empty(), "view scores: a mixture is over one view at least");
  std::vector<DocumentBits> bits;
  for (std::size_t d = 0; d < documents.size(); ++d)
    bits.push_back({run_mixture(of_document(scores, views, d), options), std::ssize(documents[d].text)});
  return bits;
}

TokenWeights mixture_weights(const ViewScores& scores, std::span<const int> views, std::size_t document,
                             const model::MixtureOptions& options) {
  TokenWeights weights(views.size());
  run_mixture(of_document(scores, views, document), options, [&](std::size_t, std::span<const double> at_token) {
    for (std::size_t g = 0; g < weights.size(); ++g) weights[g].push_back(static_cast<float>(at_token[g]));
  });
  return weights;
}

}  // namespace peer::trainer
