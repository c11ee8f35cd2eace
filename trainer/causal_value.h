#pragma once

#include <span>
#include <string>
#include <vector>

#include "trainer/bootstrap.h"
#include "trainer/view_scores.h"

namespace peer::trainer {

// What each generation is worth to each domain: L(d with g masked) - L(d), bits per byte, positive when d is worse off without g.
// With g go the views that grew on it, for they cannot compute without it.
struct CausalValue {
  std::vector<std::string> generations;         // G, oldest first
  std::vector<std::vector<double>> value;       // (G, T)
  std::vector<std::vector<Interval>> interval;  // (G, T)  95 %, paired, by documents
};

// The views that predict when generation g > 0 is masked: those of `views` whose path does not pass through g. If none is left, the view
// that g grew on: what a model that predicts with one view would be without it.
std::vector<int> views_without(const model::Model& model, std::span<const int> views, int generation);
// The generations that some of `views` passes through, oldest first.
std::vector<int> generations_of(const model::Model& model, std::span<const int> views);
// Every view that causal values of `views` need a score of, oldest first.
std::vector<int> views_to_score(const model::Model& model, std::span<const int> views);

// Adds a domain's column. `scores`: of views_to_score.
void add_domain(CausalValue& causal, const model::Model& model, std::span<const int> views, const ViewScores& scores,
                const model::MixtureOptions& options);

}  // namespace peer::trainer
