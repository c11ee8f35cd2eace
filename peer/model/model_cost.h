#pragma once

#include <cstdint>

#include "peer/model/model_options.h"

namespace peer::model {

// What a shape costs, before anything is allocated.
struct ModelCost {
  std::int64_t dense_parameters = 0;  // every tensor but the experts
  std::int64_t experts = 0, expert_parameters = 0;
  std::int64_t active_parameters = 0;  // dense, plus the rows that one token retrieves
  std::int64_t forward_flops = 0;      // a token, at the full context; a multiply and an add count as 2
  std::int64_t bytes = 0;              // of the weights, rows as they are stored; without optimizer state
  std::int64_t training_bytes = 0;     // with gradients and moments of everything
  friend ModelCost operator-(const ModelCost& a, const ModelCost& b);
};

ModelCost cost_of(const ModelOptions& options);
ModelCost cost_of(const ModelOptions& options, const DeltaOptions& delta);  // what one view adds

}  // namespace peer::model
