#include "trainer/state/views.h"

#include <fmt/format.h>

#include "peer/base/error.h"

namespace peer::trainer {

std::vector<int> all_views(const model::Model& model) {
  std::vector<int> views;
  for (int v = 0; v <= model.newest(); ++v)
    if (!model.retired(v)) views.push_back(v);
  return views;
}

std::vector<int> predicting_views(const model::Model& model, const History& history) {
  const StageRecord& last = history.stages.back();
  if (!last.mixture) return {last.view};
  return all_views(model);
}

std::vector<int> views_called(const LoadedModel& loaded, const std::string& text) {
  const model::Model& model = loaded.model;
  if (text == "auto") return predicting_views(model, loaded.history);
  if (text == "mixture") return all_views(model);
  if (text == "head") return {model.newest()};
  std::vector<std::string> names = {"auto", "mixture", "head"};
  for (const int v : all_views(model)) {
    if (model.views()[v].name == text) return {v};
    names.push_back(model.views()[v].name);
  }
  throw UsageError(fmt::format("option 'view': expected one of {}, found '{}'{}", fmt::join(names, ", "), text, did_you_mean(text, names)));
}

std::optional<int> named_parent(const model::Model& model, const std::string& parent) {
  if (parent == "newest") return model.newest();
  if (parent == "auto") return std::nullopt;
  std::vector<std::string> names;
  for (const int v : all_views(model)) {
    names.push_back(model.views()[v].name);
    if (names.back() == parent) return v;
  }
  throw UsageError(fmt::format("option 'parent-view': expected auto, newest or one of {}, found '{}'", fmt::join(names, ", "), parent));
}

std::int64_t experts_in(model::Model& model, int view) {
  std::int64_t experts = 0;
  model.for_each_block(view, [&](layers::PeerBlock& block, int) { experts += block.experts().count(); });
  return experts;
}

std::int64_t parameters_in(model::Model& model, int view) {
  return model.parameters(view).count() + experts_in(model, view) * 2 * model.options().width;
}

}  // namespace peer::trainer
