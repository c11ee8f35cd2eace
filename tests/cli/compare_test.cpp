// compare: the built program on micro pools that have learnt the same.
#include "cli/exit_code.h"
#include "tests/cli/lacks.h"
#include "tests/cli/micro_run.h"
#include "tests/support/catch.h"

using namespace peer;
using namespace peer::cli;

namespace {

// Two pools after the same base and "code", which one grew for and the other learnt in place; then both learnt "molecules" so.
class TwoStrategies {
 public:
  static const TwoStrategies& get() {
    static const TwoStrategies two;
    return two;
  }
  std::string grow() const { return scratch_ / "grow"; }
  std::string naive() const { return scratch_ / "naive"; }

 private:
  TwoStrategies() {
    const MicroWorld& world = MicroWorld::get();
    for (const std::string strategy : {"grow", "naive"}) {
      std::filesystem::rename(world.trained(scratch_), scratch_ / strategy);
      for (const std::string domain : {"code", "molecules"})
        if (peer_cli("stream", scratch_ / strategy, world.stage(domain) + Words{"--strategy", strategy}).code != kDone)
          throw std::runtime_error("a stage failed");
    }
  }
  ScratchDirectory scratch_;
};

const TwoStrategies& two() { return TwoStrategies::get(); }

Outcome compare(const Words& words) { return run_cli(Words{"compare"} + words); }

}  // namespace

TEST_CASE("compare prints what forgetting prints of each pool, and their differences") {
  const Outcome outcome = compare({two().naive(), two().grow(), "--json"});
  REQUIRE(outcome.code == kDone);
  const Json json = outcome.json();
  CHECK(json["baseline"] == "naive");
  for (const Json& strategy : json["strategies"]) {
    const Json report = run_cli({"forgetting", strategy["runs"][0]["pool"], "--json"}).json();
    CHECK(strategy["forgetting"]["value"].get<double>() == Approx(report["forgetting"]["mean"].get<double>()));
    CHECK(strategy["forgetting"]["documents"][0].get<double>() == Approx(report["forgetting"]["low"].get<double>()).margin(0.02));
    CHECK(strategy["forgetting_max"].get<double>() == Approx(report["forgetting"]["max"].get<double>()));
    CHECK(strategy["bwt"]["value"].get<double>() == Approx(report["bwt"].get<double>()));
    CHECK(strategy["average"]["value"].get<double>() == Approx(report["final_average"].get<double>()));
    CHECK(strategy["new"]["value"].get<double>() ==
          Approx((report["matrix"][2][1].get<double>() + report["matrix"][3][2].get<double>()) / 2));
  }
  const Json& grow = json["strategies"][1];
  CHECK(grow["name"] == "grow");
  CHECK(grow["parameters_added"].get<double>() > 0);
  CHECK(json["strategies"][0]["parameters_added"].get<double>() == 0);
  CHECK(grow["forgetting"]["difference"]["value"].get<double>() ==
        Approx(grow["forgetting"]["value"].get<double>() - json["strategies"][0]["forgetting"]["value"].get<double>()));
}

TEST_CASE("compare names and groups pools as it is told, and writes the page and the numbers") {
  const ScratchDirectory scratch;
  const Outcome outcome = compare({"x=" + two().grow(), "y=" + two().naive() + "@head", "--baseline", "y", "--stages", "--csv",
                                   scratch / "c.csv", "--html", scratch / "c.html"});
  REQUIRE(outcome.code == kDone);
  CHECK(lacks(outcome.out, {"strategy", "against y", "after stage", "3 molecules"}) == "");
  CHECK(lacks(read_text(scratch / "c.csv"), {"\nx,new,", "\ny,forgetting_max,"}) == "");
  CHECK(lacks(read_text(scratch / "c.html"), {"</html>", "<svg", ">x</text>"}) == "");
  const Json json = compare({two().grow(), two().naive(), "--names", "same,same", "--json"}).json();
  REQUIRE(json["strategies"].size() == 1);
  CHECK(json["strategies"][0]["runs"].size() == 2);
}

TEST_CASE("compare refuses what cannot be compared, in one line") {
  const Outcome twice = compare({two().naive(), two().grow(), two().naive() + "@head"});
  CHECK(twice.code == kUsage);
  CHECK(lacks(twice.errors, {"are one state"}) == "");
  const ScratchDirectory scratch;
  const std::string other = MicroWorld::get().trained(scratch);
  REQUIRE(peer_cli("stream", other,
                   Words{"--domain", "code", "--from", MicroWorld::get().text("code"), "--test", MicroWorld::get().text("molecules")} +
                       kMicroStage)
              .code == kDone);
  const Outcome documents = compare({two().grow() + "@head~1", other});
  CHECK(documents.code == kUsage);
  CHECK(lacks(documents.errors, {"'code' has other held-out documents in", two().grow(), other}) == "");
  const Outcome domains = compare({two().grow(), two().grow() + "@head~1"});
  CHECK(domains.code == kUsage);
  CHECK(lacks(domains.errors, {"the same domains"}) == "");
  CHECK(compare({two().grow() + "@head~2"}).code == kUsage);
  CHECK(compare({}).code == kUsage);
  CHECK(lacks(compare({two().grow(), "--names", "a,b"}).errors, {"'names'", "expected 1"}) == "");
  CHECK(compare({two().grow(), "--baseline", "gro"}).code == kUsage);
  CHECK(compare({scratch / "nowhere"}).code != kDone);
}
