#include "trainer/report/close_look_json.h"

#include <cmath>

namespace peer::trainer {
namespace {

using Json = nlohmann::ordered_json;

Json blocks_json(const CloseLook& look, const std::vector<BlockNumbers>& numbers) {
  Json list = Json::array();
  for (std::size_t b = 0; b < numbers.size(); ++b) {
    const UsedBlock& block = look.usage.blocks[b];
    list.push_back({{"view", look.views[static_cast<std::size_t>(block.view)]},
                    {"layer", block.layer},
                    {"experts", block.experts},
                    {"share", numbers[b].share},
                    {"used", numbers[b].used},
                    {"top", numbers[b].top},
                    {"unevenness", numbers[b].unevenness}});
  }
  return list;
}

}  // namespace

Json usage_json(const CloseLook& look, const std::vector<std::string>& domains) {
  const UsageNumbers& usage = look.usage;
  Json list = Json::array();
  for (std::size_t d = 0; d < domains.size(); ++d) {
    Json share = Json::object();
    for (std::size_t v = 0; v < usage.views.size(); ++v) share[look.views[static_cast<std::size_t>(usage.views[v])]] = usage.share[d][v];
    list.push_back({{"domain", domains[d]},
                    {"reuse", usage.reuse[d]},
                    {"novelty", usage.novelty[d]},
                    {"leakage", usage.leakage[d]},
                    {"share", share},
                    {"blocks", blocks_json(look, usage.by_block[d])}});
  }
  return {
      {"domains", list}, {"together", blocks_json(look, usage.together)}, {"overlap", usage.overlap}, {"overlap_permuted", usage.permuted}};
}

Json causal_json(const CloseLook& look) {
  Json intervals = Json::array();
  for (const auto& row : look.causal.interval) {
    Json cells = Json::array();
    for (const Interval& interval : row)
      cells.push_back(std::isnan(interval.low) ? Json(nullptr) : Json::array({interval.low, interval.high}));
    intervals.push_back(std::move(cells));
  }
  return {{"views", look.causal.views}, {"value", look.causal.value}, {"intervals", intervals}};
}

Json documents_json(const CloseLook& look) {
  Json list = Json::array();
  for (const DocumentWeights& document : look.documents) {
    Json views = Json::array();
    for (const int view : document.views) views.push_back(look.views[static_cast<std::size_t>(view)]);
    list.push_back({{"title", document.title},
                    {"views", views},
                    {"bytes", document.bytes},
                    {"boundary", document.boundary < 0 ? Json(nullptr) : Json(document.boundary)},
                    {"weights", document.weight}});
  }
  return list;
}

}  // namespace peer::trainer
