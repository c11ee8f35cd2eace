#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace peer::cli {

// Every command, in the order of --help. A command's options live in it, so each run of the program makes its own.
std::vector<Command> all_commands();

// UsageError with the nearest name when there is none.
const Command& find_command(const std::vector<Command>& commands, std::string_view name);

}  // namespace peer::cli
