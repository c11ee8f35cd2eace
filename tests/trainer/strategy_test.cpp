#include "trainer/options/strategy.h"

#include "peer/base/error.h"
#include "tests/support/catch.h"
#include "tests/trainer/small_world.h"
#include "trainer/novelty.h"

using namespace peer;
using namespace peer::trainer;
using namespace peer::trainer::test;

namespace {

RunOptions with(const SmallWorld& world, Strategy strategy, int domain, std::int64_t steps) {
  RunOptions options = world.options(domain, steps);
  options.stage = composed(strategy);
  options.stage.domain = kNames[domain];
  options.stage.penalty_samples = 8, options.stage.rows_background = 8;
  if (strategy == Strategy::kSmf) options.stage.rows = 12, options.stage.rows_rate = 300;
  if (strategy == Strategy::kSelfReplay) options.stage.self_text = 4000;
  return options;
}

struct TwoStages {
  double forgotten, learnt;  // of the first domain, and of the second against before its stage; bits a byte
};

TwoStages learn_two(const SmallWorld& world, const std::string& pool, const RunOptions& first, const RunOptions& second) {
  world.init(pool);
  Session session = SmallWorld::open(world / pool);
  SmallWorld::run(session, first);
  SmallWorld::run(session, second);
  const auto& stages = session.loaded.history.stages;
  return {stages[2].loss.at("sea") - stages[1].loss.at("sea"), stages[1].loss.at("code") - stages[2].loss.at("code")};
}

TwoStages learn_two(const SmallWorld& world, Strategy strategy) {
  return learn_two(world, to_text(strategy), with(world, strategy, 0, 80), with(world, strategy, 1, 60));
}

}  // namespace

TEST_CASE("each way of guarding old domains forgets less than naive training, and still learns") {
  const SmallWorld world;
  const TwoStages naive = learn_two(world, Strategy::kNaive);
  REQUIRE(naive.forgotten > 0.1);
  for (const Strategy strategy :
       {Strategy::kReplay, Strategy::kJoint, Strategy::kAgem, Strategy::kLwf, Strategy::kInterpolate, Strategy::kEma}) {
    INFO(to_text(strategy));
    const TwoStages guarded = learn_two(world, strategy);
    CHECK(guarded.forgotten < 0.9 * naive.forgotten);
    CHECK(guarded.learnt > 0.2 * naive.learnt);
  }
  // What a model of this size writes after 80 steps is a poor likeness of its corpus.
  CHECK(learn_two(world, Strategy::kSelfReplay).forgotten < naive.forgotten);
  for (const Strategy strategy : {Strategy::kSmf, Strategy::kFrozenTrunk}) {  // the few rows of this model can learn little
    INFO(to_text(strategy));
    const TwoStages guarded = learn_two(world, strategy);
    CHECK(guarded.forgotten < 0.5 * naive.forgotten);
    CHECK(guarded.learnt > 0.005 * naive.learnt);
  }
  for (const Strategy strategy : {Strategy::kL2sp, Strategy::kEwc, Strategy::kOnlineEwc, Strategy::kSi, Strategy::kMas}) {
    INFO(to_text(strategy));
    RunOptions second = with(world, strategy, 1, 60);
    second.stage.penalty_weight = 1;
    const TwoStages guarded = learn_two(world, to_text(strategy), with(world, strategy, 0, 80), second);
    CHECK(guarded.forgotten < 0.9 * naive.forgotten);
    CHECK(guarded.learnt > 0.05 * naive.learnt);
  }
}

namespace {

// Two stages in two pools, the second stage of one of them interrupted and resumed.
void check_resumes(const SmallWorld& world, const std::string& name, const RunOptions& first, const RunOptions& second) {
  INFO(name);
  const std::string whole = world.init(name + "-whole"), broken = world.init(name + "-broken");
  for (const std::string& pool : {whole, broken}) {
    Session session = SmallWorld::open(pool);
    SmallWorld::run(session, first);
    const StageOutcome outcome = SmallWorld::run(session, second, pool == whole ? kNever : 7);
    CHECK(outcome.interrupted == (pool == broken));
  }
  Session resumed = SmallWorld::open(broken, kResume);
  CHECK(resumed.loaded.run->step == 7);
  SmallWorld::run(resumed, second);  // the stored options win
  CHECK(head_content(broken) == head_content(whole));
}

}  // namespace

TEST_CASE("with every strategy, a stage that was interrupted and resumed gives the bits of one that was not") {
  const SmallWorld world;
  for (const auto& [strategy, name] : EnumNames<Strategy>::values)
    check_resumes(world, std::string(name), with(world, strategy, 0, 10), with(world, strategy, 1, 12));
}

TEST_CASE("compositions that no strategy names resume in the same bits too") {
  const SmallWorld world;
  const auto check = [&](const std::string& name, Strategy strategy, auto&& change) {
    RunOptions stages[] = {with(world, strategy, 0, 10), with(world, strategy, 1, 12)};
    for (RunOptions& stage : stages) change(stage);
    check_resumes(world, name, stages[0], stages[1]);
  };
  check("extend-ewc", Strategy::kExtend, [](RunOptions& o) { o.stage.penalty = Penalty::kEwc, o.stage.trains = Trains::kAll; });
  check("extend-si", Strategy::kExtend, [](RunOptions& o) { o.stage.penalty = Penalty::kSi, o.stage.trains = Trains::kAll; });
  check("extend-agem", Strategy::kExtend, [](RunOptions& o) { o.stage.project = true, o.stage.reservoir = 2000; });
  check("grow-ema", Strategy::kGrow, [](RunOptions& o) { o.stage.average = 0.9; });
  check("replay-agem-l2sp", Strategy::kReplay, [](RunOptions& o) { o.stage.project = true, o.stage.penalty = Penalty::kL2sp; });
  check("infinite", Strategy::kNaive, [](RunOptions& o) { o.train.schedule = Schedule::kInfinite; });
}

TEST_CASE("weights that are kept whole are those of before, to the last bit") {
  const SmallWorld world;
  const std::string pool = world.init("pool");
  Session session = SmallWorld::open(pool);
  SmallWorld::run(session, with(world, Strategy::kNaive, 0, 10));
  const std::vector<float> before = logits_of(session.ctx, session.loaded.model, 0, tiny_tokens(64, 257), 16);
  RunOptions options = with(world, Strategy::kInterpolate, 1, 10);
  options.stage.keep = 1;
  SmallWorld::run(session, options);
  CHECK(logits_of(session.ctx, session.loaded.model, 0, tiny_tokens(64, 257), 16) == before);
}

TEST_CASE("rows that alone may change leave the trunk and the routers as they were; unfrozen growth changes both") {
  const SmallWorld world;
  for (const Strategy strategy : {Strategy::kFrozenTrunk, Strategy::kGrowUnfrozen}) {
    INFO(to_text(strategy));
    Session session = SmallWorld::open(world.init(to_text(strategy)));
    SmallWorld::run(session, with(world, strategy, 0, 10));
    LoadedModel before = load_model(session.pool, session.generation, session.ctx.device());
    SmallWorld::run(session, with(world, strategy, 1, 10));
    CHECK(session.loaded.model.newest() == (strategy == Strategy::kGrowUnfrozen));
    const bool frozen = strategy == Strategy::kFrozenTrunk;
    for (auto& parameter : before.model.base()) {
      INFO(parameter->name);
      if (parameter->group == layers::ParameterGroup::kStatistics) continue;
      const float* now = session.loaded.model.base().find(parameter->name)->value().data();
      CHECK(std::equal(now, now + parameter->size(), parameter->value().data()) == frozen);
    }
    bool moved = false;
    session.loaded.model.for_each_block(0, [&](layers::PeerBlock& block, int) {
      before.model.for_each_block(0, [&](layers::PeerBlock& old, int) {
        for (std::int64_t e = 0; e < block.experts().count(); ++e)
          moved |= block.experts().parameters(e)[0] != old.experts().parameters(e)[0];
      });
    });
    CHECK(moved);
  }
}

TEST_CASE("a moving average that never moves leaves the weights of before; the first stage has none") {
  const SmallWorld world;
  Session session = SmallWorld::open(world.init("pool"));
  RunOptions first = with(world, Strategy::kEma, 0, 10), second = with(world, Strategy::kEma, 1, 10);
  first.stage.average = second.stage.average = 1 - 1e-12;  // one minus this is nothing beside a weight in fp32
  const std::vector<float> fresh = logits_of(session.ctx, session.loaded.model, 0, tiny_tokens(64, 257), 16);
  SmallWorld::run(session, first);
  const std::vector<float> before = logits_of(session.ctx, session.loaded.model, 0, tiny_tokens(64, 257), 16);
  CHECK(before != fresh);
  SmallWorld::run(session, second);
  CHECK(logits_of(session.ctx, session.loaded.model, 0, tiny_tokens(64, 257), 16) == before);
}

TEST_CASE("a stage that forgets more than the limit is refused: head stays, the result can be looked at") {
  const SmallWorld world;
  const std::string path = world.init("pool");
  RunOptions naive = with(world, Strategy::kNaive, 1, 60), grown = with(world, Strategy::kGrow, 1, 60);
  naive.stage.max_forgetting = grown.stage.max_forgetting = 0.02;
  {
    Session session = SmallWorld::open(path);
    SmallWorld::run(session, with(world, Strategy::kNaive, 0, 80));
    const GenerationId head = session.pool.resolve(kHead);
    const StageOutcome refused = SmallWorld::run(session, naive);
    CHECK(refused.refused);
    CHECK(session.pool.resolve(kHead) == head);
    CHECK(session.pool.resolve(kRefused) == refused.commit.id);
  }
  Session session = SmallWorld::open(path);
  const StageOutcome kept = SmallWorld::run(session, grown);
  CHECK_FALSE(kept.refused);
  CHECK(session.pool.resolve(kHead) == kept.commit.id);
}

TEST_CASE("a penalty or a replay that has nothing to go by says what to do") {
  const SmallWorld world;
  const std::string path = world.init("pool");
  {
    Session session = SmallWorld::open(path);
    SmallWorld::run(session, with(world, Strategy::kNaive, 0, 10));
  }
  const auto refusal = [&](Strategy strategy) {
    Session session = SmallWorld::open(path);
    const GenerationId head = session.pool.resolve(kHead);
    try {
      SmallWorld::run(session, with(world, strategy, 1, 10));
    } catch (const UsageError& error) {
      CHECK(session.pool.resolve(kHead) == head);
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  CHECK_THAT(refusal(Strategy::kEwc), Catch::Contains("--strategy ewc"));
  CHECK_THAT(refusal(Strategy::kReplay), Catch::Contains("--reservoir"));
  CHECK_THAT(refusal(Strategy::kAgem), Catch::Contains("--reservoir"));
  CHECK_THAT(refusal(Strategy::kSmf), Catch::Contains("--strategy smf"));
}

TEST_CASE("what a stage lacks of the stages before is found before its text is read") {
  const SmallWorld world;
  Session session = SmallWorld::open(world.init("pool"));
  SmallWorld::run(session, with(world, Strategy::kNaive, 0, 5));
  RunOptions unread = with(world, Strategy::kEwc, 1, 5);
  unread.stream.from = {world / "nowhere.txt"};
  CHECK_THROWS_AS(SmallWorld::run(session, unread), UsageError);
  unread.stage = with(world, Strategy::kReplay, 1, 5).stage;
  CHECK_THROWS_AS(SmallWorld::run(session, unread), UsageError);
}

TEST_CASE("after growth a penalty goes on once its importances were measured anew with a weight of zero") {
  const SmallWorld world;
  const std::string path = world.init("pool");
  RunOptions third = with(world, Strategy::kEwc, 2, 5);
  {
    Session session = SmallWorld::open(path);
    SmallWorld::run(session, with(world, Strategy::kEwc, 0, 5));
    SmallWorld::run(session, with(world, Strategy::kGrow, 1, 5));
    CHECK_THROWS_WITH(SmallWorld::run(session, third), Catch::Contains("--penalty-weight 0"));
  }
  Session again = SmallWorld::open(path);
  third.stage.penalty_weight = 0;
  CHECK(SmallWorld::run(again, third).steps == 5);
  RunOptions fourth = with(world, Strategy::kEwc, 0, 5);
  CHECK(SmallWorld::run(again, fourth).steps == 5);
}

TEST_CASE("--experts takes a number, preset or auto, and says so") {
  CHECK(wanted_experts("preset").count == 0);
  CHECK(wanted_experts("4k").count == 4000);
  CHECK(wanted_experts("auto").by_novelty);
  for (const std::string text : {"0", "-3", "many", "", "1.5", "2G"}) CHECK_THROWS_WITH(wanted_experts(text), Catch::Contains("auto"));
}

TEST_CASE("experts are worth two bits a number: none too few for the heads, none beyond four presets") {
  const model::ModelOptions model = tiny_options();
  model::DeltaOptions delta = tiny_delta();
  delta.annex_side = 100;
  // 64 numbers hold 128 bits: an expert of width 16 has 32 numbers.
  CHECK(experts_for(0.5, 64 * 1000, model, delta) == 500);
  CHECK(experts_for(-1, 1e6, model, delta) == model.layers * delta.annex_top_k * delta.annex_top_k);
  CHECK(experts_for(5, 1e12, model, delta) == 4 * model.layers * 100 * 100);
}

TEST_CASE("a pool of one domain can be trained further with a replay: there is nothing older to replay") {
  const SmallWorld world;
  Session session = SmallWorld::open(world.init("pool"));
  for (int time = 0; time < 2; ++time) CHECK(SmallWorld::run(session, with(world, Strategy::kReplay, 0, 5)).steps == 5);
  CHECK(session.loaded.history.domain(kNames[0])->reservoir_seen > 0);
}

TEST_CASE("options that contradict each other are refused before anything is read") {
  StageOptions grows = composed(Strategy::kGrow);
  CHECK_NOTHROW(check(grows));
  grows.penalty = Penalty::kL2sp;
  CHECK_THROWS_AS(check(grows), UsageError);
  StageOptions naive = composed(Strategy::kNaive);
  naive.predicts = Prediction::kMixture;
  CHECK_THROWS_AS(check(naive), UsageError);
  for (const double replay : {-0.1, 1.1}) {
    StageOptions stage = composed(Strategy::kReplay);
    stage.replay = replay;
    CHECK_THROWS_AS(check(stage), UsageError);
  }
  const auto refused = [](Strategy strategy, auto&& change) {
    StageOptions stage = composed(strategy);
    change(stage);
    CHECK_THROWS_AS(check(stage), UsageError);
  };
  refused(Strategy::kNaive, [](StageOptions& stage) { stage.trains = Trains::kGrown; });
  refused(Strategy::kGrow, [](StageOptions& stage) { stage.trains = Trains::kAll; });  // the mixture needs old views as they were
  refused(Strategy::kGrow, [](StageOptions& stage) { stage.trains = Trains::kExperts; });
  refused(Strategy::kNaive, [](StageOptions& stage) { stage.orthogonal = 1; });
  refused(Strategy::kNaive, [](StageOptions& stage) { stage.rows = 10; });
  refused(Strategy::kNaive, [](StageOptions& stage) { stage.self_text = 10; });
  refused(Strategy::kSmf, [](StageOptions& stage) { stage.project = true; });
  refused(Strategy::kSi, [](StageOptions& stage) { stage.project = true; });
  refused(Strategy::kExtend, [](StageOptions& stage) { stage.experts = "auto"; });
  refused(Strategy::kEma, [](StageOptions& stage) { stage.average = 1; });
  for (const auto& [strategy, name] : EnumNames<Strategy>::values) {
    INFO(name);
    CHECK_NOTHROW(check(composed(strategy)));
    CHECK(composed(strategy).strategy == strategy);
  }
}

TEST_CASE("with --experts auto a known text grows nothing and changes no logit; a new one grows as the probe says") {
  const SmallWorld world;
  const std::string path = world.init("pool");
  Session session = SmallWorld::open(path);
  SmallWorld::run(session, with(world, Strategy::kNaive, 0, 80));
  RunOptions again = with(world, Strategy::kGrow, 0, 30), news = with(world, Strategy::kGrow, 1, 30);
  again.grow_first = true;
  again.stage.experts = news.stage.experts = "auto";
  const std::vector<float> before = logits_of(session.ctx, session.loaded.model, 0, tiny_tokens(64, 257), 16);
  const StageOutcome known = SmallWorld::run(session, again);
  CHECK(session.loaded.model.newest() == 0);
  CHECK(known.steps == 0);
  CHECK(logits_of(session.ctx, session.loaded.model, 0, tiny_tokens(64, 257), 16) == before);
  CHECK(session.loaded.history.stages[2].loss.at("sea") == session.loaded.history.stages[1].loss.at("sea"));
  again.stage.replay = 0.25, again.stage.self_text = 500, again.stage.distill = 1;  // guards that a stage without training has no use for
  CHECK(SmallWorld::run(session, again).steps == 0);

  const StageOutcome learnt = SmallWorld::run(session, news);
  CHECK(session.loaded.model.newest() == 1);
  CHECK(learnt.steps == 30);
  CHECK(session.loaded.history.stages[4].loss.at("code") < session.loaded.history.stages[3].loss.at("code"));
}
