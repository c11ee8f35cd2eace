#include <fmt/format.h>

#include "cli/commands.h"
#include "peer/base/error.h"

namespace peer::cli {
namespace {

std::string visible_names(const std::vector<Command>& commands) {
  std::string names;
  for (const Command& command : commands)
    if (command.info.group != Group::kHidden) names += (names.empty() ? "" : " ") + std::string(command.info.name);
  return names;
}

// What may follow an option whose values are known.
std::string choice_cases(const std::vector<Command>& commands) {
  std::string cases;
  for (const Command& command : commands)
    for (const Option& option : command.options.all())
      if (!option.choices.empty())
        cases += fmt::format("    '{} --{}') words='{}' ;;\n", command.info.name, option.name, fmt::join(option.choices, " "));
  return cases;
}

std::string option_cases(const std::vector<Command>& commands) {
  std::string cases;
  for (const Command& command : commands) {
    if (command.info.group == Group::kHidden) continue;
    cases += fmt::format("      {}) words='--help", command.info.name);
    for (const Option& option : command.options.all()) cases += " --" + option.name;
    cases += "' ;;\n";
  }
  return cases;
}

std::string bash_script(const std::vector<Command>& commands) {
  return fmt::format(R"(# bash completion of peer-cli. Load it with: source <(peer-cli completion bash)
_peer_cli() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" words=''
  case "${{COMP_WORDS[1]}} ${{COMP_WORDS[COMP_CWORD - 1]}}" in
{choices}  esac
  if [[ "$COMP_CWORD" -eq 1 || ( "$COMP_CWORD" -eq 2 && "${{COMP_WORDS[1]}}" == help ) ]]; then
    words='{names}'
  elif [[ -z "$words" && "$current" == -* ]]; then
    case "${{COMP_WORDS[1]}}" in
{options}    esac
  fi
  if [[ -n "$words" ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  else
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}}
complete -o filenames -F _peer_cli peer-cli
)",
                     fmt::arg("choices", choice_cases(commands)), fmt::arg("names", visible_names(commands)),
                     fmt::arg("options", option_cases(commands)));
}

int run(Call& call) {
  const std::string shell = call.argument("SHELL");
  if (shell != "bash") throw UsageError(fmt::format("completion: expected the shell 'bash', found '{}'", shell));
  call.out << bash_script(all_commands());
  return kDone;
}

}  // namespace

Command completion_command() {
  return make_command({.name = "completion",
                       .group = Group::kHelp,
                       .summary = "Print a script that completes commands and options in the shell",
                       .positionals = {{"SHELL", "bash"}},
                       .examples = {{"completion bash", "load it with: source <(peer-cli completion bash)"}},
                       .text_only = true},
                      run);
}

}  // namespace peer::cli
