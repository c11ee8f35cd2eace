#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace peer::cli {

std::string overview_help(const std::vector<Command>& commands);
std::string command_help(const Command& command);

// "--steps N", "--device cpu|cuda", "--strict"
std::string option_synopsis(const Option& option);
// "400 steps", "none"
std::string option_default(const Option& option);

}  // namespace peer::cli
