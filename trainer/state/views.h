// Which views a model has, which of them predict, which are meant by a name, and how large they are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trainer/state/checkpoint.h"

namespace peer::trainer {

// Every view that was not retired, oldest first.
std::vector<int> all_views(const model::Model& model);
// Views that predict: all of them, or after a naive stage the one that it trained.
std::vector<int> predicting_views(const model::Model& model, const History& history);
// What --view names: "auto" (those), "mixture" (all), "head" (the newest), or a view by its name. UsageError when there is no such view.
std::vector<int> views_called(const LoadedModel& loaded, const std::string& text);

// The view called `parent`, or "newest"; none for "auto". UsageError when there is no such view.
std::optional<int> named_parent(const model::Model& model, const std::string& parent);

std::int64_t parameters_in(model::Model& model, int view);  // numbers in the view's own tensors and experts
std::int64_t experts_in(model::Model& model, int view);

}  // namespace peer::trainer
