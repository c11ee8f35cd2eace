#include "cli/help.h"

#include <sstream>

#include <boost/program_options/parsers.hpp>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/commands_markdown.h"
#include "cli/text_table.h"
#include "peer/base/error.h"
#include "tests/cli/example_command.h"
#include "tests/cli/lacks.h"
#include "tests/cli/run_cli.h"
#include "tests/support/catch.h"

using namespace peer;
using namespace peer::cli;

namespace {

// Line breaks and indents of wrapping undone, within a list of choices too.
std::string unwrapped(const std::string& text) {
  std::istringstream words(text);
  std::string joined;
  for (std::string word; words >> word;) joined += word.ends_with('|') ? word : word + ' ';
  return joined;
}

}  // namespace

TEST_CASE("help lists every option of every command with its default and unit") {
  for (const Command& command : all_commands()) {
    const std::string help = unwrapped(command_help(command));
    for (const Option& option : command.options.all()) {
      CAPTURE(command.info.name, option.name);
      CHECK(lacks(help, {option_synopsis(option) + " " + option.help + " (default: " + option_default(option) + ")"}) == "");
    }
  }
  CHECK(lacks(command_help(example_command()), {"--steps N", "(default: 400 steps)", "--fruit apple|pear", "--from PATH..."}) == "");
}

TEST_CASE("help fits into 100 columns but for a usage or an example") {
  for (const Command& command : all_commands()) {
    std::istringstream lines(command_help(command));
    for (std::string line; std::getline(lines, line);) {
      CAPTURE(line);
      if (!line.starts_with("Usage:") && !line.starts_with("With --json:")) CHECK(display_width(line) <= 100);
    }
  }
}

TEST_CASE("the overview and docs/commands.md name every command that is not hidden") {
  const std::vector<Command> commands = all_commands();
  const std::string overview = overview_help(commands), markdown = commands_markdown(commands);
  for (const Command& command : commands) {
    if (command.info.group == Group::kHidden) continue;
    CAPTURE(command.info.name);
    CHECK(lacks(overview, {"\n  " + std::string(command.info.name) + " "}) == "");
    CHECK(lacks(markdown, {"\n### " + std::string(command.info.name) + "\n"}) == "");
    for (const Option& option : command.options.all()) CHECK(lacks(markdown, {"| `--" + option.name}) == "");
  }
}

TEST_CASE("every example in the help is a command line that is accepted") {
  const std::vector<Command> commands = all_commands();
  for (const Command& command : commands) {
    CHECK_FALSE(command.info.examples.empty());
    for (const Example& example : command.info.examples) {
      CAPTURE(example.line);
      std::vector<std::string> words = boost::program_options::split_unix(std::string(example.line));
      REQUIRE_FALSE(words.empty());
      CHECK(words[0] == command.info.name);
      words.erase(words.begin());
      CHECK_NOTHROW(apply_arguments(command, words));
    }
  }
}

TEST_CASE("the completion script mentions every command and its options, and bash completes with it") {
  const std::string script = run_cli({"completion", "bash"}).out;
  for (const Command& command : all_commands()) {
    if (command.info.group == Group::kHidden) continue;
    CHECK(lacks(script, {"      " + std::string(command.info.name) + ") words="}) == "");
    for (const Option& option : command.options.all()) CHECK(lacks(script, {" --" + option.name}) == "");
  }
  const auto completed = [](const std::string& words, int at) {
    return run_shell("source <(\"$PEER\" completion bash)\nCOMP_WORDS=(" + words + ") COMP_CWORD=" + std::to_string(at) +
                     "\n_peer_cli\necho \"${COMPREPLY[*]}\"")
        .out;
  };
  CHECK(completed("peer-cli roll", 1) == "rollback\n");
  CHECK(completed("peer-cli checkpoint pool --ta", 3) == "--tag\n");
  CHECK(completed("peer-cli log pool --color a", 4) == "auto always\n");
}
