// A suite on micro pools, as tests/bench/continual/run.sh runs it: the file, what runs, and what goes on after a stop.
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "peer/base/error.h"
#include "tests/bench/continual/figure_text.h"
#include "tests/cli/lacks.h"
#include "tests/cli/micro_pool.h"
#include "tests/cli/run_cli.h"
#include "tests/support/catch.h"
#include "tests/support/domain_text.h"

using namespace peer;
using namespace peer::continual;
using peer::cli::lacks;

namespace {

// A suite in a folder of its own, with three texts of which "code" has a part and an overlap.
class MicroSuite {
 public:
  MicroSuite() {
    const char* names[] = {"sea", "code", "molecules"};
    for (int domain = 0; domain < 3; ++domain) scratch_.write(names[domain] + std::string(".txt"), test::domain_text(domain, 60));
  }
  std::string write(const std::string& order, const std::string& more = "") const {
    return scratch_.write("suite.yaml", fmt::format(R"(
init: {}
stage: {}
domains:
  sea: sea.txt
  code: code.txt
  molecules: molecules.txt
  both: {{from: [code.txt, molecules.txt], test: [sea.txt, sea.txt], part: 1 of 2}}
base: sea
bases: {{plain: "", reservoir: --strategy replay, untrained: {{train: none}}}}
methods: {{naive: --strategy naive, replay: {{base: reservoir, stream: --strategy replay --steps 6}}}}
orders: {{one: {}, back: reverse one, blurred: {{domains: [code, molecules], overlap: 0.5}}}}
figures: {{all: {{methods: all, orders: one, seeds: [3]}}}}
{})",
                                                    fmt::join(cli::kMicroModel, " "), fmt::join(cli::kMicroStage, " "), order, more));
  }
  std::string results() const { return scratch_ / "results"; }
  std::string path(const std::string& name) const { return scratch_ / name; }

  struct Ran {
    std::string out, tables;
    Words failures;
  };
  Ran run(const std::string& path) const {
    const Suite suite = read_suite(path);
    std::ostringstream out;
    const std::atomic<bool> stop = false;
    SuiteRunner runner(suite, {results(), PEER_CLI_BINARY, 2, 1}, out, stop);
    Words failures = runner.run(suite.figures);
    return {out.str(), tuning_text(runner, suite, {"naive", "replay"}) + figure_text(runner, suite, suite.figures.front()), failures};
  }

 private:
  cli::ScratchDirectory scratch_;
};

std::string refusal(const std::string& path) {
  try {
    read_suite(path);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

std::string all_text(const std::string& path) {
  std::ifstream file(path);
  std::string text;
  for (std::string line; std::getline(file, line);) text += nlohmann::json::parse(line)["text"].get<std::string>();
  return text;
}

}  // namespace

TEST_CASE("what comes later on a command line replaces the same option given before") {
  CHECK(merged({{"--steps", "3", "--from", "a", "b"}, {"--steps", "4"}, {"--quiet"}}) ==
        Words{"--steps", "4", "--from", "a", "b", "--quiet"});
  CHECK(merged({{"--steps=3"}, {"--steps", "4"}}) == Words{"--steps", "4"});
  CHECK_THROWS_AS(merged({{"4"}}), UsageError);
}

TEST_CASE("a suite's mistakes are told with their place and the nearest name") {
  const MicroSuite micro;
  CHECK(refusal(micro.write("[code]")) == "accepted");
  CHECK(lacks(refusal(micro.write("[cod]")), {"suite.yaml:", "there is no domain 'cod' (did you mean 'code'?)"}) == "");
  CHECK(lacks(refusal(micro.write("[code]", "tun: {}")), {"unknown key 'tun' (did you mean 'tune'?)"}) == "");
  CHECK(lacks(refusal(micro.write("[code]", "jobs: many")), {"expected a number"}) == "");
  CHECK(lacks(refusal(micro.write("[code]", "root: ${PEER_NO_SUCH_VARIABLE}")), {"PEER_NO_SUCH_VARIABLE is not set"}) == "");
  CHECK_THROWS_AS(read_suite(micro.path("nowhere.yaml")), IoError);
}

TEST_CASE("orders may be reversed, and a text composed of several, of a part, and of its neighbours") {
  const MicroSuite micro;
  const Suite suite = read_suite(micro.write("[code, molecules]"));
  CHECK(suite.order("back").domains == Words{"molecules", "code"});
  const StageTexts texts(suite, micro.path("text"));
  CHECK(texts.of_domain("code").from == Words{micro.path("code.txt")});
  const std::string both = all_text(texts.of_domain("both").from.front());
  CHECK(lacks(both, {"return", "[nH]"}) == "");
  CHECK(both.size() < (test::domain_text(1, 60) + test::domain_text(2, 60)).size() * 6 / 10);
  const StageText blurred = texts.of_stage(suite.order("blurred"), 0);
  CHECK(lacks(all_text(blurred.from.front()), {"return", "[nH]"}) == "");
  CHECK(all_text(blurred.test.front()).find("[nH]") == std::string::npos);  // held out is the stage's own alone
}

TEST_CASE("a suite runs each stage once, goes on where it stopped, and prints its tables") {
  const MicroSuite micro;
  const auto first = micro.run(micro.write("[code]"));
  CHECK(first.failures.empty());
  CHECK(lacks(first.out, {"[2 of 2] base", "[2 of 2] ", "naive one seed 3: code", "replay one seed 3: code"}) == "");
  CHECK(lacks(first.tables, {"orders: one (sea code)", "naive", "against naive"}) == "");
  const auto more = micro.run(micro.write("[code, molecules]"));
  CHECK(more.failures.empty());
  CHECK(lacks(more.out, {"[2 of 2] ", "naive one seed 3: molecules"}) == "");
  CHECK(more.out.find("code") == std::string::npos);
  const auto again = micro.run(micro.write("[code, molecules]"));
  CHECK(again.out.empty());
  CHECK(again.tables == more.tables);
}

TEST_CASE("a pool that was made otherwise is never taken for a run of the suite") {
  const MicroSuite micro;
  CHECK(micro.run(micro.write("[code]")).failures.empty());
  CHECK_THROWS_AS(micro.run(micro.write("[molecules]")), UsageError);
}

TEST_CASE("a run that fails is named with its last words, and the others go on") {
  const MicroSuite micro;
  const std::string suite = micro.write("[code, both]");
  std::filesystem::remove(micro.path("molecules.txt"));
  CHECK_THROWS(read_suite(suite));
  micro.write("[code]");
  std::ofstream(micro.path("molecules.txt")) << "";
  const auto ran = micro.run(micro.write("[code, molecules]"));
  REQUIRE(ran.failures.size() == 2);
  CHECK(lacks(ran.failures.front(), {"one seed 3", "exit code 1", "molecules.txt"}) == "");
  CHECK(lacks(ran.tables, {"not finished: naive one 3, replay one 3"}) == "");
}

TEST_CASE("tuning tries every candidate on every method and keeps the best") {
  const MicroSuite micro;
  const auto ran =
      micro.run(micro.write("[code]", "tune: {domain: code, test: molecules.txt, candidates: {few: --steps 1, many: --steps 30}}"));
  CHECK(ran.failures.empty());
  CHECK(lacks(ran.tables, {"few", "many", "chosen"}) == "");
  CHECK(lacks(cli::read_text(micro.results() + "/run/naive.one.3/plan"), {"--steps"}) == "");
}

TEST_CASE("a figure's text goes between its marks in a page, and nowhere else") {
  const cli::ScratchDirectory scratch;
  const std::string page = scratch.write("page.md", "a\n<!-- figure x -->\nold\n<!-- end of figure x -->\nb\n");
  CHECK(put_into_page(page, "x", "new\n"));
  CHECK(cli::read_text(page) == "a\n<!-- figure x -->\n```\nnew\n```\n<!-- end of figure x -->\nb\n");
  CHECK_FALSE(put_into_page(page, "y", "new\n"));
}
