// The built program as a process: exit codes, and what goes to which stream.
#include <algorithm>

#include "tests/cli/lacks.h"
#include "tests/cli/run_cli.h"
#include "tests/support/catch.h"

using namespace peer::cli;

namespace {

std::ptrdiff_t lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

}  // namespace

TEST_CASE("help and version go to stdout with exit code 0; a bare call shows the help on stderr with exit code 2") {
  for (const char* line : {"--help", "-h", "help", "--version", "help log", "log --help", "log pool -h", "completion bash", "docs"}) {
    CAPTURE(line);
    const Outcome outcome = run_shell("\"$PEER\" " + std::string(line));
    CHECK(outcome.code == 0);
    CHECK_FALSE(outcome.out.empty());
    CHECK(outcome.errors.empty());
  }
  const Outcome bare = run_shell("\"$PEER\"");
  CHECK(bare.code == 2);
  CHECK(bare.out.empty());
  CHECK(lacks(bare.errors, {"Usage: peer-cli COMMAND"}) == "");
}

TEST_CASE("wrong usage is one line on stderr, nothing on stdout, and exit code 2") {
  for (const char* line :
       {"lgo pool", "--json log pool", "log", "log pool --stepz 3", "log pool --json --json", "log pool --limit 3x", "log pool --limit -1",
        "log a b c", "log pool --seed -1", "verify pool --seed=-1", "log pool --device tpu", "log pool --color blue", "checkpoint pool",
        "checkpoint pool --tag head", "rollback pool", "help lgo", "completion fish", "log pool --config /dev/null --limit"}) {
    CAPTURE(line);
    const Outcome outcome = run_shell("\"$PEER\" " + std::string(line));
    CHECK(outcome.code == 2);
    CHECK(outcome.out.empty());
    CHECK(outcome.errors.starts_with("peer-cli: "));
    CHECK(lines(outcome.errors) == 1);
  }
  CHECK(lacks(run_shell("\"$PEER\" lgo pool").errors, {"did you mean 'log'"}) == "");
  CHECK(lacks(run_shell("\"$PEER\" log pool --seed -1").errors, {"'seed': expected 0 or more, found -1"}) == "");
}

TEST_CASE("a pool that is not there, an unreadable config and a full disk are exit code 1") {
  for (const char* line : {"log /nowhere/pool", "show /nowhere/pool", "verify /nowhere/pool", "checkpoint /nowhere/pool --tag x",
                           "rollback /nowhere/pool --to g1", "log pool --config /nowhere/run.yaml"}) {
    CAPTURE(line);
    const Outcome outcome = run_shell("\"$PEER\" " + std::string(line));
    CHECK(outcome.code == 1);
    CHECK(outcome.out.empty());
    CHECK(lacks(outcome.errors, {"/nowhere/"}) == "");
    CHECK(lines(outcome.errors) == 1);
  }
  CHECK(run_shell("\"$PEER\" --help > /dev/full").code == 1);
}

TEST_CASE("errors are not coloured when stderr is a file") { CHECK(run_shell("\"$PEER\" lgo").errors.find('\033') == std::string::npos); }
