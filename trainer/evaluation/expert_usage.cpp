#include "trainer/evaluation/expert_usage.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "trainer/evaluation/window_reader.h"

namespace peer::trainer {
namespace {

std::vector<UsedBlock> blocks_of(model::Model& model, std::span<const int> views) {
  std::set<int> passed = {0};
  for (const int view : views)
    for (const int g : model.path(view)) passed.insert(g);
  std::vector<UsedBlock> blocks;
  for (const int view : passed)
    model.for_each_block(view, [&](layers::PeerBlock& block, int layer) { blocks.push_back({view, layer, block.experts().count()}); });
  return blocks;
}

void count(const TokenPicks& picks, double weight, BlockUse& use) {
  std::vector<double>& mass = use.mass[picks.document % 2];
  std::size_t top = 0;
  for (std::size_t r = 0; r < picks.id.size(); ++r) {
    mass[static_cast<std::size_t>(picks.id[r])] += weight * static_cast<double>(picks.gate[r]);
    if (picks.gate[r] > picks.gate[top]) top = r;
  }
  use.top[static_cast<std::size_t>(picks.id[top])] = true;
}

}  // namespace

void add_domain(ExpertUsage& usage, Context& ctx, LanguageModel language, std::span<const int> views,
                std::span<const streams::Document> documents, std::span<const TokenWeights> weights, const EvaluateOptions& options) {
  usage.blocks = blocks_of(language.model, views);
  std::vector<BlockUse>& uses = usage.domains.emplace_back();
  std::map<std::pair<int, int>, std::size_t> place;  // of the block of a view and layer
  for (const UsedBlock& block : usage.blocks) {
    const auto experts = static_cast<std::size_t>(block.experts);
    place[{block.view, block.layer}] = uses.size();
    uses.push_back({{std::vector<double>(experts), std::vector<double>(experts)}, std::vector<bool>(experts)});
  }
  WindowReader reader(ctx, language, views, documents, options.eval_batch, options.eval_overlap);
  reader.watch([&](const TokenPicks& picks) {
    const double weight = weights[picks.document][picks.g][static_cast<std::size_t>(picks.token)];
    count(picks, weight, uses[place.at({picks.view, picks.layer})]);
  });
  for (std::size_t g = 0; g < views.size(); ++g)
    for (std::size_t d = 0; d < documents.size(); ++d)
      for (std::size_t w = 0; w < reader.windows(d).size(); ++w) reader.ask(g, d, w);
  while (reader.read()) {
  }
}

}  // namespace peer::trainer
