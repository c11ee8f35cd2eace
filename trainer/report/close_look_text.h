#pragma once

#include <string>
#include <vector>

#include "trainer/evaluation/close_look.h"

namespace peer::trainer {

// Tables for a terminal: what each generation is worth, where the gate mass goes, how full the grids are, how alike the domains' usage is.
std::string close_look_text(const CloseLook& look, const std::vector<std::string>& domains);

}  // namespace peer::trainer
