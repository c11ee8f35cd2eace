#pragma once

#include <vector>

#include "peer/base/progress.h"
#include "trainer/evaluation/causal_value.h"
#include "trainer/evaluation/document_weights.h"
#include "trainer/evaluation/usage_numbers.h"
#include "trainer/state/session.h"

namespace peer::trainer {

// What the stored scores do not tell and only reading the held-out text again does.
struct CloseLook {
  std::vector<std::string> views;  // names, by view
  std::vector<int> own;            // T: the view that a domain's own stage trained; -1: none
  UsageNumbers usage;
  CausalValue causal;
  std::vector<DocumentWeights> documents;  // the longest document of each domain, then the first domain's and the last's as one
};

// Reads the held-out text of every domain twice with every view that predicts. The session's generation stays as it is.
CloseLook look_closely(Session& session, const EvaluateOptions& options, const model::MixtureOptions& mixture, Progress& progress);

}  // namespace peer::trainer
