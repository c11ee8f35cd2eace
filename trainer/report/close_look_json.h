#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "trainer/evaluation/close_look.h"

namespace peer::trainer {

// {"domains": [{"domain", "reuse", "novelty", "leakage", "share": {view: share}, "blocks": [{"view", "layer", "experts", "share", "used",
//  "top", "unevenness"}]}], "together": [blocks], "overlap": (T, T), "overlap_permuted": (T, T)}
nlohmann::ordered_json usage_json(const CloseLook& look, const std::vector<std::string>& domains);
// {"views", "value": (V, T), "intervals": (V, T) of [low, high] or null}
nlohmann::ordered_json causal_json(const CloseLook& look);
// [{"title", "views", "bytes", "boundary" (null: one text), "weights": (points, views)}]
nlohmann::ordered_json documents_json(const CloseLook& look);

}  // namespace peer::trainer
