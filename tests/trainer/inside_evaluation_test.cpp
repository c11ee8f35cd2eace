#include "trainer/evaluation/inside_evaluation.h"

#include <cmath>

#include "tests/support/catch.h"
#include "tests/trainer/small_world.h"
#include "trainer/evaluation/retention.h"
#include "trainer/state/held_out.h"

using namespace peer;
using namespace peer::trainer;
using namespace peer::trainer::test;

namespace {

RunOptions inside(const SmallWorld& world, int domain, Strategy strategy, std::int64_t every, std::int64_t steps = 24) {
  RunOptions options = world.options(domain, steps);
  options.stage = composed(strategy);
  options.stage.domain = kNames[domain];
  options.measure.eval_every = every;
  return options;
}

History after_two(const SmallWorld& world, const std::string& name, Strategy strategy, std::int64_t every) {
  Session session = SmallWorld::open(world.init(name));
  SmallWorld::run(session, inside(world, 0, Strategy::kNaive, every, 80));
  SmallWorld::run(session, inside(world, 1, strategy, every, 60));
  return session.loaded.history;
}

}  // namespace

TEST_CASE("the stability gap is the worst inside a later stage above what the same documents cost right after learning") {
  const SmallWorld world;
  const History history = after_two(world, "pool", Strategy::kNaive, 4);
  CHECK(history.stages[1].inside.empty());  // nothing is older than the first domain
  REQUIRE(history.stages[2].inside.contains("sea"));
  CHECK_FALSE(history.stages[2].inside.contains("code"));  // no older domain in its own stage
  CHECK(history.inside.empty());
  const InsideScore& score = history.stages[2].inside.at("sea");
  CHECK((score.step == 1 || score.step % 4 == 0));
  CHECK(score.worst - score.learnt > 0.1);
  // The sample holds all of so small a domain: then `learnt` is the cell of L, and the last step's score is the last row's.
  CHECK(score.learnt == Approx(history.stages[1].loss.at("sea")));
  CHECK(score.worst >= Approx(history.stages[2].loss.at("sea")));
  CHECK(matrix_of(history).stability_gap[0] == score.worst - score.learnt);
  CHECK(std::isnan(matrix_of(history).stability_gap[1]));
}

TEST_CASE("scoring inside a stage changes nothing that it learns, and growth has next to no gap") {
  const SmallWorld world;
  const History scored = after_two(world, "scored", Strategy::kGrow, 3), plain = after_two(world, "plain", Strategy::kGrow, 0);
  CHECK(scored.stages[2].loss == plain.stages[2].loss);
  CHECK(plain.stages[2].inside.empty());
  CHECK(std::isnan(matrix_of(plain).stability_gap[0]));
  CHECK(matrix_of(scored).stability_gap[0] < 0.02);
}

TEST_CASE("an interrupted stage keeps the worst so far: resumed, it ends in the same bits") {
  const SmallWorld world;
  const std::string whole = world.init("whole"), halves = world.init("halves");
  for (const std::string& pool : {whole, halves}) {
    Session session = SmallWorld::open(pool);
    SmallWorld::run(session, inside(world, 0, Strategy::kNaive, 0));
  }
  const RunOptions second = inside(world, 1, Strategy::kNaive, 3);
  {
    Session session = SmallWorld::open(whole);
    SmallWorld::run(session, second);
  }
  {
    Session session = SmallWorld::open(halves);
    CHECK(SmallWorld::run(session, second, 10).interrupted);
  }
  {
    Session session = SmallWorld::open(halves, kResume);
    CHECK(session.loaded.history.inside.contains("sea"));
    SmallWorld::run(session, second);
  }
  CHECK(head_content(whole) == head_content(halves));
}

TEST_CASE("a history with scores inside stages survives being written and read, and one without is read as before") {
  History history;
  history.stages = {{.strategy = "none"}, {.domain = "a", .strategy = "naive", .inside = {{"b", {2.5, 2.25, 40}}}}};
  history.inside = {{"c", {3, 2, 1}}};
  const std::string text = to_json(history);
  CHECK(to_json(parse_history(text)) == text);
  CHECK(parse_history(text).stages[1].inside.at("b").step == 40);
  CHECK(parse_history(text).inside.at("c").learnt == 2);
  CHECK(to_json(History{}).find("inside") == std::string::npos);
}
