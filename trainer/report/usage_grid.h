// How full the grids of one generation are, domain by layer, as an inline SVG.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "trainer/evaluation/close_look.h"

namespace peer::trainer {

// Style class of a share from 0 to 1: use0 (nothing) to use5 (most).
std::string share_colour(double share);

// Of usage.views[column]: a row a domain, a column a layer; the share of the block's experts with any gate mass.
std::string usage_grid(const UsageNumbers& usage, std::size_t column, const std::string& view, const std::vector<std::string>& domains);

}  // namespace peer::trainer
