#include "cli/arguments.h"

#include <map>

#include "peer/base/error.h"
#include "tests/cli/example_command.h"
#include "tests/cli/lacks.h"
#include "tests/cli/run_cli.h"
#include "tests/support/catch.h"

using namespace peer;
using namespace peer::cli;
using Words = std::vector<std::string>;

namespace {

class NoProgress final : public Progress {
  void update(const std::string&, std::int64_t, std::int64_t, const std::string&) override {}
  void note(const std::string&) override {}
};

// The options that the command sees when it is called with `words`.
ExampleOptions given(const Words& words) {
  const Command command = example_command();
  const Arguments arguments = apply_arguments(command, words);
  std::ostringstream out;
  NoProgress progress;
  Call call{*command.common, arguments.settings, arguments.positionals, out, progress, {}};
  REQUIRE(command.run(call) == kDone);
  return seen_by_example;
}

std::string refusal(const Words& words, std::vector<std::string_view> required = {}) {
  try {
    apply_arguments(example_command(std::move(required)), words);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("an option takes its value after a space or after an equals sign") {
  CHECK(given({"pool", "--steps", "7", "--rate=0.5"}).steps == 7);
  CHECK(given({"pool", "--steps", "7", "--rate=0.5"}).rate == 0.5);
  CHECK(given({"pool", "--fruit", "apple"}).fruit == Fruit::kApple);
  CHECK(given({"pool"}).steps == 400);
}

TEST_CASE("a value may begin with one dash") {
  CHECK(given({"pool", "--rate", "-1"}).rate == -1);
  CHECK(given({"pool", "--from", "-"}).from == Words{"-"});
  CHECK(given({"pool", "--note=--steps"}).note == "--steps");
}

TEST_CASE("a flag takes a value after an equals sign alone and never swallows the next word") {
  CHECK(given({"--strict", "pool"}).strict);
  CHECK(given({"pool", "--strict=true"}).strict);
  CHECK_FALSE(given({"pool", "--strict=false"}).strict);
  CHECK(apply_arguments(example_command(), {"--json", "pool", "g3"}).positionals.at("REF") == "g3");
  CHECK(lacks(refusal({"pool", "--strict=perhaps"}), {"'strict'", "perhaps"}) == "");
}

TEST_CASE("a list takes several words, may be repeated, and keeps commas in paths") {
  CHECK(given({"pool", "--from", "a", "b", "--steps", "3", "--from=c,d"}).from == Words{"a", "b", "c,d"});
  CHECK(given({"pool", "--layers", "3,4", "5"}).layers == std::vector<std::int64_t>{3, 4, 5});
  CHECK(given({"--from", "a", "b", "--", "pool"}).from == Words{"a", "b"});
}

TEST_CASE("words without a name are the positionals in their order, also after two dashes") {
  const Arguments arguments = apply_arguments(example_command(), {"pool", "--steps", "3", "--", "--odd-name"});
  CHECK(arguments.positionals.at("POOL") == "pool");
  CHECK(arguments.positionals.at("REF") == "--odd-name");
}

TEST_CASE("an unknown option is refused with the nearest name, and names are not abbreviated") {
  CHECK(lacks(refusal({"pool", "--stepz", "3"}), {"'--stepz'", "did you mean '--steps'"}) == "");
  CHECK(lacks(refusal({"pool", "--stepz=3"}), {"'--stepz'", "did you mean '--steps'"}) == "");
  CHECK(lacks(refusal({"pool", "--step", "3"}), {"unknown option '--step'", "did you mean '--steps'"}) == "");
  CHECK(refusal({"pool", "--colour-of-all", "3"}).find("did you mean") == std::string::npos);
  CHECK(lacks(refusal({"pool", "---"}), {"unknown option"}) == "");
  CHECK(lacks(refusal({"pool", "--stric"}), {"did you mean '--strict'"}) == "");
}

TEST_CASE("a scalar option or a flag that is given twice is refused") {
  CHECK(lacks(refusal({"pool", "--steps", "3", "--steps", "4"}), {"'--steps' is given twice"}) == "");
  CHECK(lacks(refusal({"pool", "--strict", "--strict"}), {"'--strict' is given twice"}) == "");
}

TEST_CASE("a missing value, trailing junk and a word too many are refused") {
  CHECK(lacks(refusal({"pool", "--steps"}), {"'--steps'"}) == "");
  CHECK(lacks(refusal({"pool", "--from"}), {"'--from'"}) == "");
  CHECK(lacks(refusal({"pool", "--note", "--steps", "3"}), {"'--note' needs a value"}) == "");
  CHECK(lacks(refusal({"pool", "--steps", "12x"}), {"'steps'", "12x"}) == "");
  CHECK(lacks(refusal({"pool", "--fruit", "aple"}), {"did you mean 'apple'"}) == "");
  CHECK(lacks(refusal({"pool", "g3", "extra"}), {"unexpected argument 'extra'"}) == "");
}

TEST_CASE("a missing positional is named, with a hint when a list has swallowed it") {
  CHECK(lacks(refusal({}), {"POOL is missing; usage: peer-cli example POOL [REF] [options]"}) == "");
  CHECK(lacks(refusal({"--from", "a", "pool"}), {"POOL is missing", "put POOL first"}) == "");
}

TEST_CASE("a repeated positional takes one word or more, in their order and between options") {
  Command command = example_command();
  command.info.positionals = {{.name = "POOL", .help = "which pools", .repeated = true}};
  CHECK(parse_arguments(command, {"a", "--steps", "3", "b", "a"}).repeated == Words{"a", "b", "a"});
  CHECK(parse_arguments(command, {"a"}).positionals.empty());
  CHECK(usage_line(command) == "peer-cli example POOL... [options]");
  CHECK_THROWS_AS(parse_arguments(command, {}), UsageError);
}

TEST_CASE("a required option is asked for, with the usage") {
  CHECK(lacks(refusal({"pool"}, {"note"}), {"'--note' is missing; usage: peer-cli example POOL [REF] --note WORD [options]"}) == "");
  CHECK(refusal({"pool", "--note", "x"}, {"note"}) == "accepted");
}

TEST_CASE("what the user gave can be laid over defaults that are known late") {
  const Command command = example_command();
  const Arguments arguments = apply_arguments(command, {"pool", "--steps", "7"});
  std::ostringstream out;
  NoProgress progress;
  const Call call{*command.common, arguments.settings, arguments.positionals, out, progress, {}};
  ExampleOptions preset;
  preset.steps = 1, preset.rate = 9;
  call.apply_given(preset);
  CHECK(preset.steps == 7);
  CHECK(preset.rate == 9);
}

TEST_CASE("two options structs of a command cannot declare the same name") {
  ExampleOptions first, second;
  OptionTable table;
  table.add(first);
  CHECK_THROWS_AS(table.add(second), ContractError);
}
