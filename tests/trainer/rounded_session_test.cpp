// Sessions whose model is read in bf16 between the things that change it.
#include "peer/device/rounded_gemm.h"
#include "tests/support/catch.h"
#include "tests/trainer/small_world.h"
#include "trainer/consolidation.h"
#include "trainer/evaluation/evaluate.h"
#include "trainer/growth.h"
#include "trainer/state/held_out.h"
#include "trainer/state/views.h"

using namespace peer;
using namespace peer::trainer;
using namespace peer::trainer::test;

namespace {

// Every token of every domain's held-out documents, by every view.
std::vector<TokenLogP> scores(Session& session, Precision precision) {
  const PrecisionScope scope(session.ctx, precision);
  std::vector<TokenLogP> all;
  for (const DomainRecord& domain : session.loaded.history.domains)
    for (const int view : all_views(session.loaded.model))
      all.push_back(score_documents(session.ctx, session.loaded.language(), view, read_held_out(session.pool, domain), {.eval_batch = 4}));
  return all;
}

void learn(const SmallWorld& world, Session& session, int domain, Strategy strategy, Precision precision) {
  RunOptions options = world.options(domain);
  options.stage = composed(strategy);
  options.stage.domain = kNames[domain];
  options.train.precision = precision;
  SmallWorld::run(session, options);
}

void fold_views(Session& session) {
  TrainOptions train;
  train.steps = 10, train.batch = 4, train.precision = Precision::kBf16;
  SilentProgress progress;
  const std::atomic<bool> stop{false};
  consolidate(session, views_between(session, {1}, {3}), {.self_text = 2000}, train, {.eval_batch = 4}, {}, 1, progress, stop);
}

}  // namespace

TEST_CASE("what a session reads in bf16 after it changed its model is what a new session reads") {
  const SmallWorld world;
  const std::string path = world.init("pool");
  {
    Session session = SmallWorld::open(path);
    learn(world, session, 0, Strategy::kGrow, Precision::kFp32);
    const auto grown_on = scores(session, Precision::kBf16);
    SECTION("in stages that grow") {
      for (const int domain : {1, 2}) {
        learn(world, session, domain, Strategy::kGrow, Precision::kBf16);
        scores(session, Precision::kBf16);
      }
    }
    SECTION("in a stage that trains the base, and then one that grows") {
      learn(world, session, 1, Strategy::kNaive, Precision::kBf16);
      CHECK(scores(session, Precision::kBf16) != grown_on);
      learn(world, session, 2, Strategy::kGrow, Precision::kBf16);
    }
    SECTION("in two stages whose views are folded into one") {
      for (const int domain : {1, 2}) learn(world, session, domain, Strategy::kGrow, Precision::kBf16);
      scores(session, Precision::kBf16);
      fold_views(session);
    }
    SECTION("when the base is extended by hand") {
      SilentProgress silent;
      grow(session, 28, GrowMode::kExtend, "auto", silent);
    }
    const auto here = scores(session, Precision::kBf16);
    Session fresh = SmallWorld::open(path, kHead, pool::Access::kRead);
    CHECK(scores(fresh, Precision::kBf16) == here);
    CHECK(scores(fresh, Precision::kFp32) != here);
  }
}

TEST_CASE("a stage in bf16 has the same digest whether or not its session was read in bf16 before") {
  const SmallWorld world;
  Digest content[2];
  for (const bool reads : {false, true}) {
    const std::string path = world.init(reads ? "read" : "not read");
    Session session = SmallWorld::open(path);
    for (const int domain : {0, 1, 2}) {
      if (reads) scores(session, Precision::kBf16);
      learn(world, session, domain, domain == 1 ? Strategy::kNaive : Strategy::kGrow, Precision::kBf16);
    }
    content[reads] = head_content(path);
  }
  CHECK(content[0] == content[1]);
}

TEST_CASE("held-out text costs nearly the same in bf16") {
  const SmallWorld world;
  const std::string path = world.init("pool");
  Session session = SmallWorld::open(path);
  for (const int domain : {0, 1}) {
    RunOptions options = world.options(domain, 60);
    SmallWorld::run(session, options);
  }
  const auto bits = [&](Precision precision) {
    const PrecisionScope scope(session.ctx, precision);
    std::vector<double> all;
    for (const DomainRecord& domain : session.loaded.history.domains)
      all.push_back(bits_per_byte(score_domain(session.ctx, session.loaded.language(), all_views(session.loaded.model),
                                               read_held_out(session.pool, domain), {.eval_batch = 4}, {})
                                      .mixture));
    return all;
  };
  const auto fp32 = bits(Precision::kFp32), bf16 = bits(Precision::kBf16);
  for (std::size_t d = 0; d < fp32.size(); ++d) {
    CHECK(bf16[d] != fp32[d]);
    CHECK(bf16[d] == Approx(fp32[d]).margin(0.005));
  }
}
