// What a model or a view costs, for people and for scripts.
#pragma once

#include <string>

#include "cli/json_output.h"
#include "peer/model/model_cost.h"

namespace peer::cli {

Json cost_json(const model::ModelCost& cost);
std::string cost_text(const model::ModelCost& cost);

}  // namespace peer::cli
