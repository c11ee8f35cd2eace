// "Zero forgetting, full plasticity" as a list of bounds fixed in advance, each met or missed by so much.
#pragma once

#include <string>
#include <vector>

#include "trainer/report/comparison.h"

namespace peer::trainer {

struct Claim {
  std::string what;
  double value = kMissing, bound = 0;
  bool at_least = false;  // the value must reach the bound rather than stay below it
  int digits = 4;

  bool met() const;
  double missed_by() const;  // 0 when met, kMissing when not measured
};

// method: what the claims are about, trained without domain labels and without stored data; naive, joint, replay: what it is held against.
// Upper bounds are the larger of those over documents and over runs.
std::vector<Claim> judge(const ComparedGroup& method, const ComparedGroup& naive, const ComparedGroup& joint, const ComparedGroup& replay);

// Gain in the own stage as a share of what naive fine-tuning reaches: mean over new domains and runs of
// (before - own) / (before - naive's own), naive's averaged over its runs.
double plasticity_against(const ComparedGroup& method, const ComparedGroup& naive);

}  // namespace peer::trainer
