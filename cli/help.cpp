#include "cli/help.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/exit_code.h"
#include "cli/text_table.h"

namespace peer::cli {
namespace {

constexpr std::size_t kWidth = 100;

// A list of choices that is too long for a line goes on in the next ones.
std::string break_choices(std::string_view text, std::size_t indent) {
  std::string broken(indent, ' ');
  for (std::size_t width = indent; !text.empty();) {
    const std::string_view choice = text.substr(0, std::min(text.find('|'), text.size() - 1) + 1);
    if (width > indent && width + choice.size() > kWidth) {
      broken += '\n' + std::string(2 * indent, ' ');
      width = 2 * indent;
    }
    broken += choice, width += choice.size();
    text.remove_prefix(choice.size());
  }
  return broken;
}

// Two columns, the right one wrapped. A left part that is too wide gets a line of its own.
std::string entry(std::string_view left, std::string_view right, std::size_t indent, std::size_t column) {
  const std::string margin(column, ' ');
  std::string text = break_choices(left, indent);
  text += text.size() + 2 > column ? "\n" + margin : margin.substr(text.size());
  bool first = true;
  for (const std::string& line : wrap(right, kWidth - column)) text += std::exchange(first, false) ? line + '\n' : margin + line + '\n';
  return text;
}

std::string option_lines(const OptionTable& options) {
  std::string text, title;
  for (const Option& option : options.all()) {
    if (option.title != title) text += fmt::format("\n{}:\n", title = option.title);
    const std::string right = fmt::format("{} (default: {})", option.help, option_default(option));
    text += entry(option_synopsis(option), right, 2, 32);
  }
  return text;
}

}  // namespace

std::string option_synopsis(const Option& option) {
  return "--" + option.name + (option.value_name.empty() ? "" : " " + option.value_name);
}

std::string option_default(const Option& option) {
  if (option.default_text.empty()) return "none";
  return option.unit.empty() ? option.default_text : option.default_text + " " + option.unit;
}

std::string overview_help(const std::vector<Command>& commands) {
  std::string text =
      "peer-cli: language models that keep learning, as generations in a pool\n\nUsage: peer-cli COMMAND [arguments] [options]\n";
  for (const auto& [group, title] : EnumNames<Group>::values) {
    text += fmt::format("\n{}:\n", title);
    for (const Command& command : commands)
      if (command.info.group == group) text += entry(command.info.name, command.info.summary, 2, 16);
  }
  text += "\nExit codes:\n";
  for (const auto& [code, meaning] : kExitMeanings) text += entry(fmt::format("{}", static_cast<int>(code)), meaning, 2, 16);
  return text + "\n`peer-cli COMMAND --help` explains a command, `peer-cli --version` prints the version and the CPU path.\n";
}

std::string command_help(const Command& command) {
  const CommandInfo& info = command.info;
  std::string text = fmt::format("{}: {}\n\nUsage: {}\n", info.name, info.summary, usage_line(command));
  if (!info.details.empty()) text += '\n';
  for (const std::string& line : wrap(info.details, kWidth)) text += line + '\n';
  if (!info.positionals.empty()) text += "\nArguments:\n";
  for (const Positional& positional : info.positionals) text += entry(positional.name, positional.help, 2, 32);
  text += option_lines(command.options);
  if (!info.examples.empty()) text += "\nExamples:\n";
  for (const Example& example : info.examples) text += fmt::format("  peer-cli {}\n      {}\n", example.line, example.does);
  if (!info.json.empty()) text += "\nWith --json: " + std::string(info.json) + '\n';
  return text;
}

}  // namespace peer::cli
