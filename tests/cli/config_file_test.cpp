#include "cli/config_file.h"

#include "cli/arguments.h"
#include "peer/base/error.h"
#include "tests/cli/example_command.h"
#include "tests/cli/lacks.h"
#include "tests/cli/run_cli.h"
#include "tests/support/catch.h"

using namespace peer;
using namespace peer::cli;

namespace {

// Every option's text after the command line and a config file of this content.
std::map<std::string, std::string> with_config(const std::string& content, std::vector<std::string> words = {}) {
  const ScratchDirectory scratch;
  words.insert(words.begin(), {"pool", "--config", scratch.write("run.yaml", content)});
  ExampleOptions options;
  Command command = example_command();
  const Arguments arguments = apply_arguments(command, words);
  OptionTable table;
  table.add(options);
  for (const Setting& setting : arguments.settings)
    if (table.find(setting.name)) table.apply(setting);
  return options_map(options);
}

std::string refusal(const std::string& content) {
  try {
    with_config(content);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("a YAML file sets options of every kind") {
  const auto options = with_config("# a run\nsteps: 2k\nrate: 1e-3\nstrict: true\nfruit: apple\nfrom: [a, 'b,c']\nlayers:\n  - 3\n  - 4\n");
  CHECK(options.at("steps") == "2000");
  CHECK(options.at("rate") == "0.001");
  CHECK(options.at("strict") == "true");
  CHECK(options.at("fruit") == "apple");
  CHECK(options.at("from") == "a,b\\,c");
  CHECK(options.at("layers") == "3,4");
}

TEST_CASE("JSON is read as the YAML that it is, and an empty file changes nothing") {
  CHECK(with_config(R"({"steps": 12, "from": "a"})").at("steps") == "12");
  CHECK(with_config("# only a comment\n") == options_map(ExampleOptions{}));
}

TEST_CASE("the command line wins over the config file") {
  CHECK(with_config("steps: 5\nrate: 3\n", {"--steps", "6"}).at("steps") == "6");
  CHECK(with_config("steps: 5\nrate: 3\n", {"--steps", "6"}).at("rate") == "3");
  CHECK(with_config("from: [a, b]\n", {"--from", "c"}).at("from") == "c");
}

TEST_CASE("an unknown key is refused with its line, its column and the nearest name") {
  CHECK(lacks(refusal("rate: 1\nstepz: 3\n"), {"run.yaml:2:1: ", "'stepz'", "did you mean 'steps'"}) == "");
}

TEST_CASE("a value of the wrong type or shape is refused with its line and column") {
  CHECK(lacks(refusal("rate: 1\nsteps: many\n"), {"run.yaml:2:8: ", "'steps'", "many"}) == "");
  CHECK(lacks(refusal("steps: [1, 2]\n"), {"run.yaml:1:8: ", "found a list"}) == "");
  CHECK(lacks(refusal("steps:\n"), {"run.yaml:1:", "found nothing"}) == "");
  CHECK(lacks(refusal("from: [a, {b: c}]\n"), {"run.yaml:1:11: ", "found a map"}) == "");
}

TEST_CASE("a key that is given twice, broken YAML, a list at the top and a nested config are refused") {
  CHECK(lacks(refusal("steps: 1\nsteps: 2\n"), {"run.yaml:2:1: ", "twice"}) == "");
  CHECK(lacks(refusal("steps: [1\n"), {"run.yaml:", "not valid YAML"}) == "");
  CHECK(lacks(refusal("- steps\n"), {"expected lines of `option: value`"}) == "");
  CHECK(lacks(refusal("config: other.yaml\n"), {"cannot name another"}) == "");
}

TEST_CASE("a config file that is not there is an I/O error that names it") {
  try {
    apply_arguments(example_command(), {"pool", "--config", "/nowhere/run.yaml"});
    FAIL("accepted");
  } catch (const IoError& error) {
    CHECK(lacks(error.what(), {"/nowhere/run.yaml"}) == "");
  }
}
