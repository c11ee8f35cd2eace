#include "cli/model_cost_text.h"

#include <fmt/format.h>

namespace peer::cli {

Json cost_json(const model::ModelCost& cost) {
  return {{"dense_parameters", cost.dense_parameters},   {"experts", cost.experts},
          {"expert_parameters", cost.expert_parameters}, {"active_parameters", cost.active_parameters},
          {"forward_flops_a_token", cost.forward_flops}, {"bytes", cost.bytes},
          {"training_bytes", cost.training_bytes}};
}

std::string cost_text(const model::ModelCost& cost) {
  return fmt::format(
      "{} experts, {:.2f}M parameters of which {:.2f}M are active, {:.2f} MFLOP a token forward, {:.1f} MB ({:.1f} MB to train all)",
      cost.experts, static_cast<double>(cost.dense_parameters + cost.expert_parameters) / 1e6,
      static_cast<double>(cost.active_parameters) / 1e6, static_cast<double>(cost.forward_flops) / 1e6,
      static_cast<double>(cost.bytes) / 1e6, static_cast<double>(cost.training_bytes) / 1e6);
}

}  // namespace peer::cli
