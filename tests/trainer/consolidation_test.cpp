#include "trainer/consolidation.h"

#include "tests/support/catch.h"
#include "tests/trainer/small_world.h"
#include "trainer/report/forgetting_report.h"
#include "trainer/report/report.h"
#include "trainer/state/views.h"

using namespace peer;
using namespace peer::trainer;
using namespace peer::trainer::test;

namespace {

struct Silent final : Progress {
  void update(const std::string&, std::int64_t, std::int64_t, const std::string&) override {}
  void note(const std::string&) override {}
};

// A pool whose head has a base and two grown views.
std::string grown_twice(const SmallWorld& world, bool with_reservoir = false) {
  const std::string pool = world.init("pool");
  for (int domain : {0, 1, 2}) {
    Session session = SmallWorld::open(pool);
    RunOptions options = world.options(domain, 40);
    if (with_reservoir) options.stage.reservoir = 4000;
    SmallWorld::run(session, options);
  }
  return pool;
}

ConsolidationOutcome fold(Session& session, const ConsolidationOptions& options, std::int64_t steps) {
  TrainOptions train;
  train.steps = steps, train.batch = 4;
  EvaluateOptions evaluate;
  evaluate.eval_batch = 4;
  Silent progress;
  const std::atomic<bool> stop{false};
  return consolidate(session, views_between(session, {1}, {3}), options, train, evaluate, {}, 1, progress, stop);
}

}  // namespace

TEST_CASE("two views are folded into one, which remembers what they knew, and the loss is reported") {
  const SmallWorld world;
  const std::string pool = grown_twice(world, true);
  {
    Session session = SmallWorld::open(pool);
    const ConsolidationOutcome outcome = fold(session, {.self_text = 6000, .replay = 0.5}, 60);
    CHECK(outcome.folded == std::vector<std::string>{"v1", "v2"});
    CHECK(outcome.view == "v3");
    CHECK(outcome.parent == "base");
    CHECK(outcome.parameters_after < outcome.parameters_before);
    REQUIRE(outcome.costs.size() == 3);
    for (const FoldingCost& cost : outcome.costs) {
      INFO(cost.domain << " " << cost.before << " " << cost.after);
      CHECK(cost.difference.low <= cost.after - cost.before);
      CHECK(cost.difference.high >= cost.after - cost.before);
    }
  }
  // The new head is a model of two views, of which a fresh reader sees nothing else.
  Session session = SmallWorld::open(pool);
  CHECK(all_views(session.loaded.model) == std::vector<int>{0, 3});
  CHECK(session.generation.trunk("v1") == nullptr);
  CHECK(session.generation.trunk("v3") != nullptr);
  const auto& stages = session.loaded.history.stages;
  CHECK(stages.back().strategy == kConsolidate);
  // What the pool knew of each domain before its own stage, when nobody had been taught it.
  CHECK(stages.back().loss.at("code") < stages[1].loss.at("code") - 0.5);
  CHECK(stages.back().loss.at("molecules") < stages[2].loss.at("molecules") - 0.5);
  CHECK(session.pool.verify().damage.empty());
  const ForgettingReport report = make_report(session);
  REQUIRE(report.foldings.size() == 1);
  CHECK(report.foldings[0].into == "v3");
  CHECK(report.foldings[0].costs.size() == 3);
  CHECK_THAT(report_text(report), Catch::Contains("Folding views into v3"));
}

TEST_CASE("a pool grows on after a folding, and the views before it come back with a rollback") {
  const SmallWorld world;
  const std::string pool = grown_twice(world);
  Session session = SmallWorld::open(pool);
  const std::vector<std::string> before = {session.loaded.model.view(1).name, session.loaded.model.view(2).name};
  fold(session, {.self_text = 2000}, 4);
  RunOptions again = world.options(1, 4);
  again.stage.domain = "again";
  SmallWorld::run(session, again);
  CHECK(session.loaded.model.view(4).name == "v4");
  CHECK(all_views(session.loaded.model).size() == 3);
  const Session old = SmallWorld::open(pool, "g3", pool::Access::kRead);
  CHECK(all_views(old.loaded.model) == std::vector<int>{0, 1, 2});
}

TEST_CASE("a folding that costs more than its limit leaves head where it was") {
  const SmallWorld world;
  const std::string pool = grown_twice(world);
  Session session = SmallWorld::open(pool);
  const GenerationId head = session.pool.resolve(kHead);
  const ConsolidationOutcome outcome = fold(session, {.self_text = 500, .max_forgetting = 0.001}, 1);  // one step teaches nothing
  CHECK(outcome.refused);
  CHECK(session.pool.resolve(kHead) == head);
  CHECK(session.pool.resolve(kRefused) == outcome.commit.id);
}

TEST_CASE("repeated foldings are held to the best that a domain ever was") {
  History history;
  history.stages = {{}, {.loss = {{"a", 2.0}}}, {.loss = {{"a", 2.1}}}, {.loss = {{"a", 2.2}}}};
  CHECK(history.best_stage("a", 3) == 1);
  CHECK(history.forgotten(3, "a") == Approx(0.2));
  CHECK(std::isnan(history.forgotten(3, "b")));
  CHECK(std::isnan(history.forgotten(1, "a")));  // nothing was before
}

TEST_CASE("folding refuses what it cannot do, with one line that says why") {
  const SmallWorld world;
  const std::string pool = grown_twice(world);
  Session session = SmallWorld::open(pool);
  CHECK_THROWS_AS(views_between(session, {3}, {1}), UsageError);  // the wrong way round
  CHECK_THROWS_AS(views_between(session, {2}, {3}), UsageError);  // one view
  CHECK_THROWS_AS(fold(session, {.self_text = 0}, 1), UsageError);
  CHECK_THROWS_AS(fold(session, {.replay = 1}, 1), UsageError);
  CHECK(session.loaded.model.newest() == 2);
  // A third view on v2: folding v1 and v2 would take its ground away.
  RunOptions third = world.options(1, 4);
  third.stage.domain = "third", third.stage.parent = "v2";
  SmallWorld::run(session, third);
  CHECK_THROWS_AS(views_between(session, {1}, {3}), UsageError);
  CHECK(views_between(session, {1}, {4}) == std::vector<int>{1, 2, 3});
}

TEST_CASE("an interrupted folding keeps nothing") {
  const SmallWorld world;
  const std::string pool = grown_twice(world);
  const Digest head = head_content(pool);
  {
    Session session = SmallWorld::open(pool);
    Silent progress;
    const std::atomic<bool> stop{true};
    CHECK_THROWS_AS(consolidate(session, views_between(session, {1}, {3}), {}, {}, {}, {}, 1, progress, stop), Error);
  }
  CHECK(head_content(pool) == head);
}
