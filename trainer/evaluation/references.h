// Reference losses from other pools: what the same domains cost a model that was trained otherwise.
#pragma once

#include <string>
#include <vector>

#include "trainer/state/learning_history.h"

namespace peer::trainer {

// Reads what happened to the head of another pool, without its model.
struct ReferencePool {
  std::string path;
  History history;
};
ReferencePool read_reference(const std::string& path);

// L*_k for each domain of `history`: the loss on domain k of `joint` after the stage by which it had seen the domains 1..k and no other, in
// whatever order; kMissing where it never was in that state. UsageError when a domain's held-out documents are not the same in both.
std::vector<double> joint_losses(const History& history, const ReferencePool& joint);

// For each domain of `history` the lowest loss that any of the pools ends with; kMissing for a domain that none has learnt.
std::vector<double> oracle_losses(const History& history, const std::vector<ReferencePool>& oracles);

}  // namespace peer::trainer
