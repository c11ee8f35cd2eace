#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "tests/support/catch.h"

using namespace peer;
using namespace peer::cli;

namespace {

struct Line {
  std::string place, text;
};

// Every line of the pages that people read first.
std::vector<Line> documented_lines() {
  const std::filesystem::path root = PEER_SOURCE_DIR;
  std::vector<std::filesystem::path> pages = {root / "README.md", root / "CONTRIBUTING.md"};
  for (const auto& page : std::filesystem::directory_iterator(root / "docs"))
    if (page.path().extension() == ".md") pages.push_back(page.path());
  std::vector<Line> lines;
  for (const auto& page : pages) {
    std::ifstream file(page);
    std::string text;
    for (int number = 1; std::getline(file, text); ++number)
      lines.push_back({page.filename().string() + ":" + std::to_string(number), text});
  }
  return lines;
}

// From `peer-cli` on to the end of the command: a comment, the end of its code, another command behind it.
std::vector<std::string> commands_in(const std::string& line) {
  static const std::regex command("peer-cli +[a-z]+[^`#;&|]*");
  std::vector<std::string> found;
  for (auto at = std::sregex_iterator(line.begin(), line.end(), command); at != std::sregex_iterator(); ++at) found.push_back(at->str());
  return found;
}

}  // namespace

TEST_CASE("every option of every example in the documentation is one that its command has") {
  const std::vector<Command> commands = all_commands();
  int examples = 0, options = 0;
  for (const Line& line : documented_lines())
    for (const std::string& example : commands_in(line.text)) {
      std::istringstream words(example);
      std::string word, name;
      words >> word >> name;
      const auto command = std::find_if(commands.begin(), commands.end(), [&](const Command& c) { return c.info.name == name; });
      if (command == commands.end()) continue;  // "peer-cli prints ..."
      ++examples;
      while (words >> word) {
        if (!word.starts_with("--") || word == "--help") continue;
        const std::string option = word.substr(2, word.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-", 2) - 2);
        INFO(line.place << ": " << example);
        CAPTURE(option);
        CHECK(command->options.find(option) != nullptr);
        ++options;
      }
    }
  CHECK(examples > 50);
  CHECK(options > 40);
}
