// --checkpoint-every: commits that are written while the stage goes on.
#include <fmt/format.h>

#include "tests/support/catch.h"
#include "tests/trainer/small_world.h"

using namespace peer;
using namespace peer::trainer;
using namespace peer::trainer::test;

TEST_CASE("commits beside the steps of a stage change no bit of it, whatever the strategy has to keep") {
  SmallWorld world;
  std::vector<std::vector<float>> learnt[2];
  for (const std::int64_t every : {0, 1}) {
    for (const auto& [strategy, name] : EnumNames<Strategy>::values) {
      RunOptions options = world.options(1, 4);
      options.stage = composed(strategy);
      options.stage.domain = kNames[1];
      options.stage.penalty_samples = 2, options.stage.rows_background = 2;
      if (strategy == Strategy::kSmf) options.stage.rows = 12, options.stage.rows_rate = 300;
      if (strategy == Strategy::kSelfReplay) options.stage.self_text = 100;
      const std::string pool = world.init(fmt::format("{} {}", name, every));
      Session session = SmallWorld::open(pool);
      RunOptions first = options;
      first.stage.domain = kNames[0], first.grow_first = false;
      first.stream = world.options(0).stream;
      for (RunOptions* stage : {&first, &options}) {
        stage->measure.checkpoint_every = every, stage->measure.eval_every = 1;
        SmallWorld::run(session, *stage);
      }
      learnt[every].push_back(logits_of(session.ctx, session.loaded.model, session.loaded.model.newest(), tiny_tokens(64, 257), 16));
    }
  }
  CHECK(learnt[0] == learnt[1]);
}

TEST_CASE("a stage that ends in an error goes on from the commit before, to the bits of one that did not") {
  SmallWorld world;
  RunOptions options = world.options(0);
  options.measure.checkpoint_every = 5;
  const std::string whole = world.init("whole"), parts = world.init("parts");
  {
    Session session = SmallWorld::open(whole);
    SmallWorld::run(session, options);
  }
  {
    Session session = SmallWorld::open(parts);
    FailAt progress(11);  // the commit of step 10 may still be on its way
    const std::atomic<bool> stop = false;
    CHECK_THROWS_AS(run_stage(session, options, progress, stop), IoError);
  }
  Session session = SmallWorld::open(parts, kResume);
  REQUIRE(session.loaded.run);
  CHECK(session.loaded.run->step == 10);
  SmallWorld::run(session, options);
  CHECK(head_content(parts) == head_content(whole));
}
