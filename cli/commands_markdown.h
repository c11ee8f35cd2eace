#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace peer::cli {

// docs/commands.md: the same words as --help, as Markdown.
std::string commands_markdown(const std::vector<Command>& commands);

}  // namespace peer::cli
