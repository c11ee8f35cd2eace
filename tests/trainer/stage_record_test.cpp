// What a stage leaves behind beside weights: its row of the matrix, its costs, what it is scored on; and where a stage may begin.
#include <algorithm>
#include <cmath>

#include "peer/base/error.h"
#include "peer/model/model_cost.h"
#include "tests/support/catch.h"
#include "tests/trainer/small_world.h"
#include "trainer/evaluation/stage_cost.h"
#include "trainer/growth.h"
#include "trainer/report/forgetting_report.h"
#include "trainer/report/report.h"
#include "trainer/state/held_out.h"
#include "trainer/state/views.h"

using namespace peer;
using namespace peer::trainer;
using namespace peer::trainer::test;

TEST_CASE("a domain that is learnt again keeps its held-out documents and its column, and its stage is a row of its own") {
  SmallWorld world;
  const std::string pool = world.init("pool");
  for (const int domain : {0, 1, 0}) {
    Session session = SmallWorld::open(pool);
    RunOptions options = world.options(domain);
    options.grow_first = session.loaded.history.stages.size() > 1;
    SmallWorld::run(session, options);
  }
  const Session session = SmallWorld::open(pool, kHead, pool::Access::kRead);
  const RetentionMatrix matrix = matrix_of(session.loaded.history);
  CHECK(session.loaded.history.stages.size() == 4);
  CHECK(matrix.domains == std::vector<std::string>{"sea", "code"});
  CHECK(matrix.stages == std::vector<std::string>{"before", "sea", "code", "sea again"});
  CHECK(matrix.learnt == std::vector<std::size_t>{1, 2});
  CHECK(matrix.loss[3][0] == session.loaded.history.stages[3].loss.at("sea"));
  const std::vector<double> forgetting = derive(matrix).forgetting;
  CHECK(forgetting[1] == Approx(matrix.loss[3][1] - std::min(matrix.loss[1][1], matrix.loss[2][1])));
  CHECK(make_report(session).equivalence[1].documents == static_cast<std::size_t>(session.loaded.history.domains[1].documents));
}

TEST_CASE("the cost of a stage is kept beside it: its time, the memory it took, and how much old text stayed for replay") {
  SmallWorld world;
  const std::string path = world.init("pool");
  Session session = SmallWorld::open(path);
  RunOptions options = world.options(0);
  options.stage = composed(Strategy::kReplay), options.stage.domain = kNames[0];
  SmallWorld::run(session, options);
  const auto costs = stage_costs(session.pool, session.loaded.history);
  REQUIRE(costs.size() == 1);
  CHECK(costs[0].steps == options.train.steps);
  CHECK(costs[0].seconds > 0);
  CHECK(costs[0].bytes_written > 0);
  CHECK(costs[0].peak_bytes > 1e6);
  // Every weight takes part in three products a token, and there is more than weights.
  const double tokens = static_cast<double>(options.train.steps * options.train.batch * session.loaded.model.options().context);
  const double forward = static_cast<double>(model::cost_of(session.loaded.model.options()).forward_flops);
  CHECK(costs[0].flops > 0.8 * 3 * forward * tokens);
  CHECK(costs[0].flops < 1.5 * 3 * forward * tokens);
  double kept = 0;
  for (const auto& document : read_reservoir(session.pool, session.loaded.history.domains[0]))
    kept += static_cast<double>(document.text.size());
  CHECK(kept > 0);
  CHECK(costs[0].old_text_bytes == kept);
  session.pool.put_records(
      {{cost_record(session.pool, session.loaded.history, {1, 2, 3}).first, "3.5 17"}});  // as an older program wrote it
  const auto old = stage_costs(session.pool, session.loaded.history);
  CHECK(old[0].seconds == 3.5);
  CHECK(old[0].bytes_written == 17);
  CHECK(std::isnan(old[0].peak_bytes));
}

TEST_CASE("two stages that computed the same keep their own costs, and a stage's costs outlive its interruptions") {
  SmallWorld world;
  const std::string path = world.init("pool");
  world.stage(path, 0);
  {
    Session session = SmallWorld::open(path);
    RunOptions options = world.options(1);
    REQUIRE(SmallWorld::run(session, options, 20).interrupted);
  }
  const double whole = [&] {
    Session session = SmallWorld::open(path, kResume);
    SmallWorld::run(session, RunOptions());
    return stage_costs(session.pool, session.loaded.history)[1].flops;
  }();
  Session session = SmallWorld::open(path);
  const auto costs = stage_costs(session.pool, session.loaded.history);
  CHECK(costs[1].flops == whole);
  // 24 steps each, of the base and of a view on it: the four steps after the interruption alone would be a sixth.
  CHECK(costs[1].flops > 0.6 * costs[0].flops);
  CHECK(costs[1].seconds > 0);
  History twice = session.loaded.history;
  twice.stages.push_back(twice.stages.back());
  CHECK(cost_record(session.pool, twice, {}).first != cost_record(session.pool, session.loaded.history, {}).first);
}

TEST_CASE("what was evaluated is what was committed, also when a view was grown by hand") {
  SmallWorld world;
  const std::string path = world.init("pool");
  world.stage(path, 0);
  {
    SilentProgress silent;
    Session session = SmallWorld::open(path);
    grow(session, 32, GrowMode::kAnnex, "auto", silent);
  }
  double committed = 0;
  {
    Session session = SmallWorld::open(path);
    RunOptions options = world.options(1);
    options.grow_first = false;
    SmallWorld::run(session, options);
    committed = session.loaded.history.stages.back().loss.at(kNames[1]);
  }
  Session session = SmallWorld::open(path, kHead, pool::Access::kRead);
  const auto documents = read_held_out(session.pool, session.loaded.history.domains[1]);
  const EvaluateOptions evaluate = world.options(1).evaluate;
  const double opened = bits_per_byte(score_domain(session.ctx, session.loaded.language(),
                                                   predicting_views(session.loaded.model, session.loaded.history), documents, evaluate, {})
                                          .mixture);
  CHECK(opened == committed);
}

TEST_CASE("a domain that comes back with another share is not trained on the documents that it is scored on") {
  SmallWorld world;
  const std::string path = world.init("pool");
  world.stage(path, 0);
  Session session = SmallWorld::open(path);
  RunOptions options = world.options(0, 1);
  options.grow_first = true, options.stream.held_out_share = 0.01;  // nearly all that was held out would be trained on
  options.stage.reference = Reference::kNaive;
  class Notes final : public Progress {
   public:
    void update(const std::string&, std::int64_t, std::int64_t, const std::string&) override {}
    void note(const std::string& line) override { lines += line + '\n'; }
    std::string lines;
  } notes;
  const std::atomic<bool> never{false};
  run_stage(session, options, notes, never);
  CHECK_THAT(notes.lines, Catch::Contains("kept out of training"));
  CHECK_THAT(notes.lines, Catch::Contains("no naive reference"));
  CHECK(std::isnan(session.loaded.history.domains[0].naive));
}

TEST_CASE("a stage begins on no unfinished one, and goes on with no finished one") {
  SmallWorld world;
  const std::string path = world.init("pool");
  world.stage(path, 0);
  {
    Session session = SmallWorld::open(path);
    REQUIRE(SmallWorld::run(session, world.options(1), 3).interrupted);
  }
  SilentProgress silent;
  const std::atomic<bool> never{false};
  Session unfinished = SmallWorld::open(path, kResume, pool::Access::kRead), finished = SmallWorld::open(path, kHead, pool::Access::kRead);
  CHECK_THROWS_WITH(run_stage(unfinished, world.options(2), silent, never), Catch::Contains("unfinished stage"));
  CHECK_THROWS_AS(resume_stage(finished, RunOptions(), silent, never), UsageError);
}

TEST_CASE("what one session grows with does not change the pool's own shape") {
  SmallWorld world;
  const std::string path = world.init("pool");
  world.stage(path, 0);
  {
    Session session = SmallWorld::open(path);
    session.delta.annex_side = 7;
    SmallWorld::run(session, world.options(1));
    CHECK(session.loaded.model.view(1).delta->options.annex_side == 7);
  }
  CHECK(SmallWorld::open(path, kHead, pool::Access::kRead).delta.annex_side == tiny_delta().annex_side);
}
