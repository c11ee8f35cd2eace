#include "cli/commands_markdown.h"

#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/help.h"

namespace peer::cli {
namespace {

std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
  return escaped;
}

// A table for each options struct; what every command takes is left to a table of its own.
std::string option_tables(const OptionTable& options, bool common) {
  std::string text, title;
  for (const Option& option : options.all()) {
    if ((option.title == kTitleOf<CommonOptions>) != common) continue;
    if (option.title != title) text += fmt::format("\n| {} | default | |\n| --- | --- | --- |\n", title = option.title);
    text += fmt::format("| `{}` | {} | {} |\n", cell(option_synopsis(option)), cell(option_default(option)), cell(option.help));
  }
  return text;
}

std::string section(const Command& command) {
  const CommandInfo& info = command.info;
  std::string text = fmt::format("\n### {}\n\n{}.\n\n```\n{}\n```\n", info.name, info.summary, usage_line(command));
  if (!info.details.empty()) text += fmt::format("\n{}\n", info.details);
  if (!info.positionals.empty()) text += '\n';
  for (const Positional& positional : info.positionals) text += fmt::format("- `{}`: {}\n", positional.name, positional.help);
  text += option_tables(command.options, false);
  if (!info.examples.empty()) text += "\nExamples:\n\n```\n";
  for (const Example& example : info.examples) text += fmt::format("# {}\npeer-cli {}\n", example.does, example.line);
  if (!info.examples.empty()) text += "```\n";
  if (!info.json.empty()) text += fmt::format("\n`--json` prints `{}`.\n", info.json);
  return text;
}

}  // namespace

std::string commands_markdown(const std::vector<Command>& commands) {
  std::string text =
      "# Commands\n\nPrinted by `peer-cli docs` from the tables that parse the command line. Results go to stdout, progress and "
      "messages to stderr.\n";
  for (const auto& [group, title] : EnumNames<Group>::values) {
    text += fmt::format("\n## {}\n", title);
    for (const Command& command : commands)
      if (command.info.group == group) text += section(command);
  }
  CommonOptions common;
  OptionTable table;
  table.add(common);
  text += "\n## Options of every command\n" + option_tables(table, true);
  text += "\n## Exit codes\n\n| code | meaning |\n| --- | --- |\n";
  for (const auto& [code, meaning] : kExitMeanings) text += fmt::format("| {} | {} |\n", static_cast<int>(code), meaning);
  return text;
}

}  // namespace peer::cli
