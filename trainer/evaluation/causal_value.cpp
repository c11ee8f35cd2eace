#include "trainer/evaluation/causal_value.h"

#include <algorithm>
#include <set>

namespace peer::trainer {
namespace {

bool passes_through(const model::Model& model, int view, int masked) {
  const std::vector<int> path = model.path(view);
  return std::find(path.begin(), path.end(), masked) != path.end();
}

}  // namespace

std::vector<int> views_without(const model::Model& model, std::span<const int> views, int masked) {
  std::vector<int> left;
  for (const int view : views)
    if (!passes_through(model, view, masked)) left.push_back(view);
  if (left.empty()) left.push_back(model.views()[static_cast<std::size_t>(masked)].parent);
  return left;
}

std::vector<int> views_passed(const model::Model& model, std::span<const int> views) {
  std::set<int> passed;
  for (const int view : views)
    for (const int v : model.path(view)) passed.insert(v);
  return {passed.begin(), passed.end()};
}

std::vector<int> views_to_score(const model::Model& model, std::span<const int> views) {
  std::set<int> needed(views.begin(), views.end());
  for (const int v : views_passed(model, views))
    for (const int view : views_without(model, views, v)) needed.insert(view);
  return {needed.begin(), needed.end()};
}

void add_domain(CausalValue& causal, const model::Model& model, std::span<const int> views, const ViewScores& scores,
                std::span<const streams::Document> documents, const model::MixtureOptions& options) {
  const std::vector<int> passed = views_passed(model, views);
  causal.views.clear();
  causal.value.resize(passed.size()), causal.interval.resize(passed.size());
  const std::vector<DocumentBits> whole = mixture_bits(scores, views, documents, options);
  for (std::size_t v = 0; v < passed.size(); ++v) {
    causal.views.push_back(model.views()[static_cast<std::size_t>(passed[v])].name);
    const std::vector<DocumentBits> masked = mixture_bits(scores, views_without(model, views, passed[v]), documents, options);
    causal.value[v].push_back(bits_per_byte(masked) - bits_per_byte(whole));
    causal.interval[v].push_back(paired_bootstrap(whole, masked, kBootstrapDraws, kBootstrapSeed));
  }
}

}  // namespace peer::trainer
