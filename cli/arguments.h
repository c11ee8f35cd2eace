// A command line against a command's table, by Boost.Program_options: `--name VALUE`, `--name=VALUE`, `--flag`, `--flag=false`,
// `--list A B C` (repeatable), positionals in order, `--` before words that start with dashes. Names are never abbreviated.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/command.h"

namespace peer::cli {

struct Arguments {
  std::map<std::string, std::string, std::less<>> positionals;
  std::vector<std::string> repeated;  // the words of a repeated positional
  std::vector<Setting> settings;      // at most one for each option
};

// UsageError for an unknown option (with the nearest name), a repeated one, a missing value, a missing or superfluous positional.
Arguments parse_arguments(const Command& command, const std::vector<std::string>& words);

// parse_arguments, then --config's file, then the command line: sets the command's options. UsageError as there.
Arguments apply_arguments(const Command& command, const std::vector<std::string>& words);

// "peer-cli checkpoint POOL --tag NAME [options]"
std::string usage_line(const Command& command);

}  // namespace peer::cli
