#pragma once

#include <span>
#include <string>
#include <vector>

#include "trainer/evaluation/bootstrap.h"
#include "trainer/evaluation/view_scores.h"

namespace peer::trainer {

// What each view is worth to each domain: L(d with v masked) - L(d), bits per byte, positive when d is worse off without v.
// With v go the views that grew on it, for they cannot compute without it.
struct CausalValue {
  std::vector<std::string> views;               // V, oldest first
  std::vector<std::vector<double>> value;       // (V, T)
  std::vector<std::vector<Interval>> interval;  // (V, T)  95 %, paired, by documents
};

// The views that predict when view v > 0 is masked: those of `views` whose path does not pass through v. If none is left, the view
// that v grew on: what a model that predicts with one view would be without it.
std::vector<int> views_without(const model::Model& model, std::span<const int> views, int masked);
// The views that the path of some of `views` passes through, oldest first.
std::vector<int> views_passed(const model::Model& model, std::span<const int> views);
// Every view that causal values of `views` need a score of, oldest first.
std::vector<int> views_to_score(const model::Model& model, std::span<const int> views);

// Adds a domain's column. `scores`: of views_to_score on its documents.
void add_domain(CausalValue& causal, const model::Model& model, std::span<const int> views, const ViewScores& scores,
                std::span<const streams::Document> documents, const model::MixtureOptions& options);

}  // namespace peer::trainer
