#include "cli/commands.h"
#include "cli/help.h"

namespace peer::cli {
namespace {

int run(Call& call) {
  const std::vector<Command> commands = all_commands();
  const std::string name = call.argument("COMMAND");
  call.out << (name.empty() ? overview_help(commands) : command_help(find_command(commands, name)));
  return kDone;
}

}  // namespace

Command help_command() {
  return make_command({.name = "help",
                       .group = Group::kHelp,
                       .summary = "Explain the program or a command",
                       .positionals = {{"COMMAND", "which command", true}},
                       .examples = {{"help rollback", "the same as `peer-cli rollback --help`"}},
                       .text_only = true},
                      run);
}

}  // namespace peer::cli
