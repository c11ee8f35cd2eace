#pragma once

#include <string>
#include <vector>

#include "trainer/evaluation/close_look.h"

namespace peer::trainer {

// The sections of the page that --usage adds: what each generation is worth, the mixture's weights along documents, which experts are used.
std::string close_look_html(const CloseLook& look, const std::vector<std::string>& domains);

}  // namespace peer::trainer
