#include "trainer/metrics_log.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "peer/base/error.h"
#include "tests/support/catch.h"
#include "tests/trainer/small_world.h"

using namespace peer;
using namespace peer::trainer;
using namespace peer::trainer::test;

namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// "domain step" of every line.
std::vector<std::string> steps_in(const std::string& path) {
  std::vector<std::string> steps;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const auto json = nlohmann::json::parse(line);
    steps.push_back(fmt::format("{} {}", json.at("domain").get<std::string>(), json.at("step").get<int>()));
  }
  return steps;
}

// Writes steps first to last, and returns the last line.
std::string write_steps(const std::string& path, const std::string& domain, int first, int last, double began = 0) {
  MetricsLog log(path);
  for (int step = first; step <= last; ++step) log.step(domain, step, 3, began + step * 0.25);
  return log.last_line();
}

void append(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::app | std::ios::binary) << text; }

}  // namespace

TEST_CASE("lines of the steps that are taken again are dropped, and no others") {
  const TemporaryFolder folder;
  const std::string path = folder / "metrics";
  write_steps(path, "code", 1, 12);  // an earlier stage on the same domain
  const std::string line = write_steps(path, "code", 1, 5, 100);
  const std::string before = text_of(path);
  write_steps(path, "code", 6, 8, 100);
  CHECK(MetricsLog(path).go_on_after(line) == 3);
  CHECK(text_of(path) == before);
  CHECK(MetricsLog(path).go_on_after(line) == 0);
  CHECK(text_of(path) == before);
}

TEST_CASE("what others wrote behind the last committed step stays, in its order") {
  const TemporaryFolder folder;
  const std::string path = folder / "metrics";
  const std::string line = write_steps(path, "code", 1, 5);
  const std::string before = text_of(path);
  const auto write_others = [](const std::string& to) {
    write_steps(to, "sea", 6, 7);
    append(to, "a remark\n{\"domain\": 3}\n[]\n\n");
  };
  write_others(path);
  write_steps(path, "code", 6, 7);
  write_steps(path, "code", 1, 9, 50);  // the stage of another pool, from its beginning
  write_others(folder / "others");
  write_steps(folder / "others", "code", 1, 9, 50);
  CHECK(MetricsLog(path).go_on_after(line) == 2);
  CHECK(text_of(path) == before + text_of(folder / "others"));
}

TEST_CASE("a file that does not hold the last committed step is left alone") {
  const TemporaryFolder folder;
  const std::string path = folder / "metrics", other = folder / "other";
  const std::string line = write_steps(path, "code", 1, 5);
  write_steps(other, "code", 1, 9, 100);  // the same steps of another run
  const std::string before = text_of(other);
  CHECK(MetricsLog(other).go_on_after(line) == 0);
  CHECK(MetricsLog(other).go_on_after("") == 0);
  CHECK(text_of(other) == before);
  CHECK(MetricsLog(folder / "none").go_on_after(line) == 0);
  CHECK(MetricsLog("/dev/null").go_on_after(line) == 0);
  CHECK(MetricsLog("").go_on_after(line) == 0);
  CHECK_THROWS_AS(MetricsLog(other).go_on_after("no line"), CorruptError);
}

TEST_CASE("a line that a full disk cut goes with the steps that are taken again, and a link stays a link") {
  const TemporaryFolder folder;
  const std::string path = folder / "metrics", link = folder / "link";
  std::filesystem::create_symlink(path, link);
  const std::string line = write_steps(link, "code", 1, 5);
  const std::string before = text_of(path);
  for (const std::string cut : {R"({"dom)", R"({"domain":"code","step":6,"bits)"}) {
    append(path, cut);
    MetricsLog log(link);
    CHECK(log.go_on_after(line) == 1);
    CHECK(text_of(path) == before);
    CHECK(log.last_line() == line);
  }
  CHECK(std::filesystem::is_symlink(link));
  MetricsLog log(link);
  log.go_on_after(line);
  log.step("code", 6, 3, 1.5);
  CHECK(steps_in(path).back() == "code 6");
  CHECK(steps_in(path).size() == 6);
}

TEST_CASE("a stage that was killed and resumed leaves each step once in its metrics") {
  const SmallWorld world;
  const std::string pool = world.init("pool"), metrics = world / "metrics";
  RunOptions options = world.options(0, 14);
  options.metrics = metrics, options.measure.checkpoint_every = 5;
  const std::atomic<bool> stop = false;
  {
    Session session = SmallWorld::open(pool);
    FailAt progress(9);
    CHECK_THROWS_AS(run_stage(session, options, progress, stop), IoError);
  }
  REQUIRE(steps_in(metrics).size() == 9);
  {
    Session session = SmallWorld::open(pool, kResume);
    FailAt progress(8);
    CHECK_THROWS_AS(resume_stage(session, options_of(*session.loaded.run), progress, stop), IoError);
  }
  REQUIRE(steps_in(metrics).size() == 8);
  write_steps(metrics, "other", 1, 2);
  std::filesystem::rename(metrics, world / "moved");
  Session session = SmallWorld::open(pool, kResume);
  RunOptions moved = options_of(*session.loaded.run);
  moved.metrics = world / "moved";
  SilentProgress progress;
  REQUIRE(session.loaded.run->step == 5);
  resume_stage(session, moved, progress, stop);
  std::vector<std::string> expected;
  for (int step = 1; step <= 14; ++step) {
    if (step == 6) expected.insert(expected.end(), {"other 1", "other 2"});
    expected.push_back(fmt::format("sea {}", step));
  }
  CHECK(steps_in(world / "moved") == expected);
  CHECK_FALSE(std::filesystem::exists(metrics));
}

TEST_CASE("metrics that cannot be written are told of once, and cost nothing that was trained") {
  class Notes final : public Progress {
   public:
    void update(const std::string&, std::int64_t, std::int64_t, const std::string&) override {}
    void note(const std::string& line) override { told += line.find("goes on without metrics") != std::string::npos; }
    int told = 0;
  };
  const SmallWorld world;
  Session session = SmallWorld::open(world.init("pool"));
  RunOptions options = world.options(0, 4);
  options.metrics = "/dev/full";  // opens, and refuses every byte
  Notes progress;
  const std::atomic<bool> stop = false;
  const StageOutcome outcome = run_stage(session, options, progress, stop);
  CHECK(progress.told == 1);
  CHECK(outcome.steps == 4);
  CHECK(session.pool.ref(kHead) == outcome.commit.id);
}
