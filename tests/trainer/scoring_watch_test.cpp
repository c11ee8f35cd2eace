#include "trainer/evaluation/scoring_watch.h"

#include <algorithm>
#include <map>
#include <vector>

#include "tests/support/catch.h"
#include "tests/trainer/small_world.h"

using namespace peer;
using namespace peer::trainer;
using namespace peer::trainer::test;

namespace {

// Writes down what it is shown; asks to stop when a task of that name is first seen unfinished.
class Recorder final : public Progress {
 public:
  struct Update {
    std::string task;
    std::int64_t done, total;
    std::string detail;
  };
  explicit Recorder(std::string stop_at = "") : stop_at_(std::move(stop_at)) {}
  void update(const std::string& task, std::int64_t done, std::int64_t total, const std::string& detail) override {
    updates.push_back({task, done, total, detail});
    if (task == stop_at_ && done < total && !stop) stop = true, seen_at_stop = updates.size();
  }
  void note(const std::string& line) override { notes.push_back(line); }
  std::vector<Update> of(const std::string& task) const {
    std::vector<Update> found;
    std::ranges::copy_if(updates, std::back_inserter(found), [&](const Update& u) { return u.task == task; });
    return found;
  }
  std::vector<Update> updates;
  std::vector<std::string> notes;
  std::atomic<bool> stop{false};
  std::size_t seen_at_stop = 0;

 private:
  std::string stop_at_;
};

// A stage on the second domain that scores in every way there is before its first step.
RunOptions scoring_stage(const SmallWorld& world) {
  RunOptions options = world.options(1, 12);
  options.stage.reference = Reference::kNaive, options.stage.experts = "auto";
  return options;
}

// Which knows its first domain well enough that another is news, and gets a probe; it has two views to compare.
std::string taught_pool(const SmallWorld& world) {
  const std::string pool = world.init("pool");
  for (const bool grows : {false, true}) {
    Session session = SmallWorld::open(pool);
    RunOptions options = world.options(0, grows ? 1 : 80);
    options.grow_first = grows;
    SmallWorld::run(session, options);
  }
  return pool;
}

const std::vector<std::string> kTasks = {"score code",    "score naive reference code", "compare views",
                                         "compare texts", "score before the probe",     "score the probe"};

}  // namespace

TEST_CASE("the parts of a task follow one another, and the last window of the last part alone ends it") {
  Recorder shown;
  const ScoringWatch watch(shown, shown.stop, "score");
  for (const int parts : {1, 3, 7})
    for (int p = 0; p < parts; ++p)
      for (const int q : {0, 1}) {
        const ScoringWatch part = watch.part(p, parts, "outer").part(q, 2, "inner");
        for (int window = 0; window <= 5; ++window) part.see(window, 5);
        CHECK((shown.updates.back().done == shown.updates.back().total) == (p == parts - 1 && q == 1));
        CHECK(shown.updates.back().detail == "inner");
      }
  CHECK(std::ranges::count_if(shown.updates, [](const auto& u) { return u.done == u.total; }) == 3);
  for (std::size_t i = 1; i < shown.updates.size(); ++i)
    CHECK((shown.updates[i].done >= shown.updates[i - 1].done || shown.updates[i - 1].done == shown.updates[i - 1].total));
}

TEST_CASE("who asked to stop is heard before the next window is read, and nobody is asked where nobody looks") {
  Recorder shown;
  const ScoringWatch watch(shown, shown.stop, "score");
  CHECK_NOTHROW(watch.see(0, 5));
  shown.stop = true;
  CHECK_THROWS_AS(watch.see(1, 5), ScoringStopped);
  CHECK_THROWS_AS(watch.part(1, 2, "").see(0, 5), ScoringStopped);
  CHECK(shown.updates.size() == 1);
  CHECK_NOTHROW(ScoringWatch().part(0, 2, "").see(3, 5));
}

TEST_CASE("every text that is scored before the first step shows how far it is") {
  const SmallWorld world;
  const std::string pool = taught_pool(world);
  Session session = SmallWorld::open(pool);
  Recorder shown;
  REQUIRE_FALSE(run_stage(session, scoring_stage(world), shown, shown.stop).interrupted);
  for (const std::string& task : kTasks) {
    CAPTURE(task);
    const auto updates = shown.of(task);
    REQUIRE(updates.size() > 2);
    CHECK(updates.front().done == 0);
    CHECK(updates.back().done == updates.back().total);
    CHECK(std::ranges::count_if(updates, [](const auto& u) { return u.done == u.total; }) == 1);
  }
}

TEST_CASE("a model of one view is what a stage grows on, whatever the text: none is read to choose it") {
  const SmallWorld world;
  const std::string pool = world.init("pool");
  {
    Session session = SmallWorld::open(pool);
    SmallWorld::run(session, world.options(0, 2));
  }
  Session session = SmallWorld::open(pool);
  Recorder shown;
  REQUIRE_FALSE(run_stage(session, world.options(1, 2), shown, shown.stop).interrupted);
  CHECK(shown.of("compare views").empty());
  CHECK_FALSE(shown.of("score code").empty());
}

TEST_CASE("a stage that is interrupted while text is scored reads no further window, and keeps nothing") {
  const SmallWorld world;
  const std::string pool = taught_pool(world);
  const Digest before = head_content(pool);
  for (const std::string& task : kTasks) {
    CAPTURE(task);
    Session session = SmallWorld::open(pool);
    Recorder shown(task);
    const StageOutcome outcome = run_stage(session, scoring_stage(world), shown, shown.stop);
    CHECK(shown.stop);
    CHECK(outcome.interrupted);
    CHECK(outcome.steps == 0);
    CHECK_FALSE(outcome.commit.id.valid());
    CHECK(outcome.summary == "interrupted before the first step: nothing was kept; run the same command again");
    CHECK(shown.updates.size() == shown.seen_at_stop);
    CHECK_FALSE(session.pool.ref(kResume));
    CHECK(head_content(pool) == before);
  }
}
