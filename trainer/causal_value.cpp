#include "trainer/causal_value.h"

#include <algorithm>
#include <set>

namespace peer::trainer {
namespace {

bool passes_through(const model::Model& model, int view, int generation) {
  const std::vector<int> path = model.path(view);
  return std::find(path.begin(), path.end(), generation) != path.end();
}

}  // namespace

std::vector<int> views_without(const model::Model& model, std::span<const int> views, int generation) {
  std::vector<int> left;
  for (const int view : views)
    if (!passes_through(model, view, generation)) left.push_back(view);
  if (left.empty()) left.push_back(model.views()[static_cast<std::size_t>(generation)].parent);
  return left;
}

std::vector<int> generations_of(const model::Model& model, std::span<const int> views) {
  std::set<int> generations;
  for (const int view : views)
    for (const int g : model.path(view)) generations.insert(g);
  return {generations.begin(), generations.end()};
}

std::vector<int> views_to_score(const model::Model& model, std::span<const int> views) {
  std::set<int> needed(views.begin(), views.end());
  for (const int g : generations_of(model, views))
    for (const int view : views_without(model, views, g)) needed.insert(view);
  return {needed.begin(), needed.end()};
}

void add_domain(CausalValue& causal, const model::Model& model, std::span<const int> views, const ViewScores& scores,
                const model::MixtureOptions& options) {
  const std::vector<int> generations = generations_of(model, views);
  causal.generations.clear();
  causal.value.resize(generations.size()), causal.interval.resize(generations.size());
  const std::vector<DocumentBits> whole = mixture_bits(scores, views, options);
  for (std::size_t g = 0; g < generations.size(); ++g) {
    causal.generations.push_back(model.views()[static_cast<std::size_t>(generations[g])].name);
    const std::vector<DocumentBits> masked = mixture_bits(scores, views_without(model, views, generations[g]), options);
    causal.value[g].push_back(bits_per_byte(masked) - bits_per_byte(whole));
    causal.interval[g].push_back(paired_bootstrap(whole, masked, kBootstrapDraws, 0));
  }
}

}  // namespace peer::trainer
