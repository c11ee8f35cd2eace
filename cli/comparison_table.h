// A comparison as tables for a terminal, which docs/continual.md shows as they are.
#pragma once

#include <string>
#include <vector>

#include "trainer/report/claims.h"
#include "trainer/report/comparison.h"

namespace peer::cli {

std::string comparison_text(const trainer::Comparison& comparison);
// One line a stage: the loss of its domain right after it, and what had been forgotten of the older ones by then.
std::string stages_text(const trainer::Comparison& comparison);
// One line a claim: met, or missed by how much.
std::string claims_text(const std::vector<trainer::Claim>& claims);

}  // namespace peer::cli
