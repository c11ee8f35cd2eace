#include "trainer/stage.h"

#include <algorithm>
#include <cmath>

#include "peer/device/rounded_gemm.h"
#include "tests/support/catch.h"
#include "tests/trainer/small_world.h"
#include "trainer/evaluation/evaluate.h"
#include "trainer/evaluation/retention.h"
#include "trainer/growth.h"
#include "trainer/state/held_out.h"
#include "trainer/state/views.h"

using namespace peer;
using namespace peer::trainer;
using namespace peer::trainer::test;

namespace {

std::vector<float> logits(Session& session, int view) {
  return logits_of(session.ctx, session.loaded.model, view, tiny_tokens(64, 257), 16);
}

}  // namespace

TEST_CASE("over a run of three stages every view computes for ever what the model computed when it was committed") {
  SmallWorld world;
  const std::string pool = world.init("pool");
  std::vector<std::vector<float>> at_commit;
  for (int domain = 0; domain < 3; ++domain) {
    world.stage(pool, domain);
    Session session = SmallWorld::open(pool, kHead, pool::Access::kRead);
    at_commit.push_back(logits(session, session.loaded.model.newest()));
  }
  Session session = SmallWorld::open(pool, kHead, pool::Access::kRead);
  REQUIRE(session.loaded.model.newest() == 2);
  for (int view = 0; view < 3; ++view) CHECK(logits(session, view) == at_commit[view]);
  CHECK(at_commit[0] != at_commit[1]);
}

TEST_CASE("growing leaves every page and every tensor of the parent where it was, shared between the generations") {
  SmallWorld world;
  const std::string path = world.init("pool");
  world.stage(path, 0);
  const pool::Generation before = [&] {
    pool::Pool p = pool::Pool::open(path, pool::Access::kRead);
    return p.generation(p.resolve(kHead));
  }();
  world.stage(path, 1);
  const pool::Pool pool = pool::Pool::open(path, pool::Access::kRead);
  const pool::Generation after = pool.generation(pool.resolve(kHead));
  CHECK(after.trunk("base")->content == before.trunk("base")->content);
  REQUIRE(before.tables.size() == 1);
  for (std::int64_t page = 0; page < before.tables[0].page_count(); ++page)
    CHECK(pool.page_version(after, before.tables[0].block, {page}) == pool.page_version(before, before.tables[0].block, {page}));
  CHECK(after.tables.size() == 3);  // an annex in each of the two layers
}

TEST_CASE("learning a second domain forgets next to nothing, and learns it; naive training forgets") {
  SmallWorld world;
  const std::string grown = world.init("grown"), naive = world.init("naive");
  for (const std::string& pool : {grown, naive}) {
    Session session = SmallWorld::open(pool);
    SmallWorld::run(session, world.options(0, 80));
  }
  Session g = SmallWorld::open(grown), n = SmallWorld::open(naive);
  RunOptions options = world.options(1, 60);
  SmallWorld::run(g, options);
  options.stage = composed(Strategy::kNaive), options.stage.domain = kNames[1];
  SmallWorld::run(n, options);
  const auto& rows = g.loaded.history.stages;
  const auto& naive_rows = n.loaded.history.stages;
  CHECK(rows[2].loss.at("sea") - rows[1].loss.at("sea") < 0.01);
  CHECK(rows[2].loss.at("code") < rows[1].loss.at("code") - 0.5);
  CHECK(naive_rows[2].loss.at("sea") - naive_rows[1].loss.at("sea") > 0.1);
}

TEST_CASE("on every held-out document the mixture costs at most -log2 prior more bits than any view") {
  SmallWorld world;
  const std::string pool = world.init("pool");
  for (int domain = 0; domain < 3; ++domain) world.stage(pool, domain);
  Session session = SmallWorld::open(pool, kHead, pool::Access::kRead);
  const model::MixtureOptions exact{.newest_prior = 0.1, .switch_share = 0};
  const std::vector<int> views = all_views(session.loaded.model);
  const model::Mixture mixture(static_cast<int>(views.size()), exact);
  for (const DomainRecord& domain : session.loaded.history.domains) {
    const auto documents = read_held_out(session.pool, domain);
    const DomainScore score = score_domain(session.ctx, session.loaded.language(), views, documents, world.options(0).evaluate, exact);
    for (std::size_t d = 0; d < documents.size(); ++d)
      for (std::size_t g = 0; g < views.size(); ++g)
        CHECK(score.mixture[d].bits <= score.by_view[g][d].bits - std::log2(mixture.prior()[g]) + 1e-6);
  }
}

TEST_CASE("an interrupted stage that is resumed ends in the same bits as one that was not") {
  SmallWorld world;
  const int domain = GENERATE(0, 1);
  model::ModelOptions shape = tiny_options();
  shape.peer.rows = GENERATE(Element::kFloat32, Element::kBfloat16);
  const std::string whole = world.init("whole", shape), parts = world.init("parts", shape);
  if (domain == 1)
    for (const std::string& pool : {whole, parts}) world.stage(pool, 0);
  world.stage(whole, domain);
  const Digest before = head_content(parts);
  {
    Session session = SmallWorld::open(parts);
    const StageOutcome outcome = SmallWorld::run(session, world.options(domain), 9);
    CHECK(outcome.interrupted);
    CHECK(outcome.steps == 9);
  }
  CHECK(head_content(parts) == before);  // head waits for the whole stage
  for (const std::int64_t stop_after : {std::int64_t{17}, kNever}) {
    Session session = SmallWorld::open(parts, kResume);
    REQUIRE(session.loaded.run);
    SmallWorld::run(session, world.options(domain), stop_after);
  }
  CHECK(head_content(parts) == head_content(whole));
  CHECK_FALSE(pool::Pool::open(parts, pool::Access::kRead).ref(kResume));
}

TEST_CASE("a stage is resumed to the same bits whatever its view starts from and adds, and so is the same stage in another pool") {
  SmallWorld world;
  model::DeltaOptions delta = tiny_delta();
  delta.feed_forward_rank = 2, delta.vocabulary_rank = 4, delta.residual_scale = 0.5;
  delta.annex_sub_keys = GENERATE(model::SubKeys::kCentroids, model::SubKeys::kClones);
  const std::string whole = world.init("whole"), parts = world.init("parts");
  for (const std::string& pool : {whole, parts}) {
    Session session = SmallWorld::open(pool);
    SmallWorld::run(session, world.options(0));
    session.delta = delta;
    SmallWorld::run(session, world.options(1), pool == parts ? 9 : kNever);
  }
  Session session = SmallWorld::open(parts, kResume);
  REQUIRE(session.loaded.run);
  SmallWorld::run(session, world.options(1));
  CHECK(head_content(parts) == head_content(whole));
  CHECK(session.loaded.history.stages.back().loss.at("code") < session.loaded.history.stages[1].loss.at("code"));
}

TEST_CASE("the same work gives the same digest: in another pool, and again after a rollback") {
  SmallWorld world;
  const std::string one = world.init("one"), two = world.init("two");
  for (const std::string& pool : {one, two})
    for (int domain = 0; domain < 2; ++domain) world.stage(pool, domain);
  const Digest first = head_content(one);
  CHECK(head_content(two) == first);
  {
    pool::Pool pool = pool::Pool::open(one, pool::Access::kWrite);
    pool.move_ref(kHead, pool.resolve("head~1"), "rollback");
  }
  CHECK(head_content(one) != first);
  world.stage(one, 1);
  CHECK(head_content(one) == first);
}

TEST_CASE("a loss that is no number stops the stage with its step, and commits nothing") {
  SmallWorld world;
  const std::string pool = world.init("pool");
  const Digest before = head_content(pool);
  Session session = SmallWorld::open(pool);
  RunOptions options = world.options(0);
  options.train.trunk_rate = options.train.expert_rate = options.train.router_rate = 1e38;
  CHECK_THROWS_AS(SmallWorld::run(session, options), NumericError);
  CHECK(head_content(pool) == before);
}

TEST_CASE("growing by hand changes no logit, and the next train changes what was grown alone") {
  SmallWorld world;
  const std::string path = world.init("pool");
  world.stage(path, 0);
  SilentProgress silent;
  std::vector<float> before;
  {
    Session session = SmallWorld::open(path);
    before = logits(session, 0);
    grow(session, 32, GrowMode::kAnnex, "auto", silent);
    CHECK_THROWS_AS(grow(session, 32, GrowMode::kAnnex, "auto", silent), UsageError);
  }
  Session session = SmallWorld::open(path);
  CHECK(logits(session, 1) == before);
  RunOptions options = world.options(1);
  options.grow_first = false;
  SmallWorld::run(session, options);
  CHECK(session.loaded.model.newest() == 1);
  CHECK(logits(session, 0) == before);
  CHECK(logits(session, 1) != before);
  Session again = SmallWorld::open(world / "pool", kHead, pool::Access::kRead);
  CHECK(logits(again, 1) == logits(session, 1));
}

TEST_CASE("extending by hand changes no logit, and training opens the new sub-keys") {
  SmallWorld world;
  const std::string path = world.init("pool");
  SilentProgress silent;
  Session session = SmallWorld::open(path);
  const auto before = logits(session, 0);
  grow(session, 28, GrowMode::kExtend, "auto", silent);
  Session grown = SmallWorld::open(path, kHead, pool::Access::kRead);
  CHECK(logits(grown, 0) == before);
  grown.loaded.model.for_each_block(0, [](layers::PeerBlock& block, int) {
    CHECK(block.side() == 8);
    CHECK(block.open() == 6);
  });
}

TEST_CASE("training in bf16 learns what training in fp32 learns, and the pool says which it was") {
  const SmallWorld world;
  double loss[2] = {};
  std::string fingerprint[2];
  for (const Precision precision : {Precision::kFp32, Precision::kBf16}) {
    try {
      check_precision(Device{}, precision);
    } catch (const DeviceError&) {
      WARN("skipped: this CPU has no bf16 products");
      return;
    }
    Session session = SmallWorld::open(world.init(to_text(precision)));
    RunOptions options = world.options(0, 80);
    options.train.precision = precision;
    SmallWorld::run(session, options);
    loss[static_cast<int>(precision)] = session.loaded.history.stages.back().loss.at("sea");
    fingerprint[static_cast<int>(precision)] = session.generation.fingerprint;
    CHECK(session.ctx.precision() == Precision::kFp32);
  }
  CHECK(loss[0] < 5);
  CHECK(loss[1] != loss[0]);
  CHECK(loss[1] == Approx(loss[0]).margin(0.05));
  CHECK(fingerprint[1] != fingerprint[0]);
}

TEST_CASE("rows of bf16 take half the room, learn what rows of fp32 learn, and are read back bit for bit") {
  const SmallWorld world;
  double loss[2] = {};
  std::int64_t row_bytes[2] = {};
  for (const Element rows : {Element::kFloat32, Element::kBfloat16}) {
    model::ModelOptions shape = tiny_options();
    shape.peer.rows = rows;
    const std::string path = world.init(to_text(rows), shape);
    std::vector<float> trained;
    const std::size_t at = rows == Element::kBfloat16;
    {
      Session session = SmallWorld::open(path);
      SmallWorld::run(session, world.options(0, 80));
      SmallWorld::run(session, world.options(1, 40));
      trained = logits(session, 1);
      loss[at] = session.loaded.history.stages.back().loss.at("code");
      for (const pool::TableInfo& table : session.generation.tables) {
        CHECK(table.layout.element == rows);
        row_bytes[at] += table.rows * table.layout.row_bytes();
      }
    }
    Session again = SmallWorld::open(path, kHead, pool::Access::kRead);
    CHECK(logits(again, 1) == trained);
  }
  CHECK(row_bytes[0] == 2 * row_bytes[1]);
  CHECK(loss[1] != loss[0]);
  CHECK(loss[1] == Approx(loss[0]).margin(0.05));
}

TEST_CASE("on a pool that has learnt nothing yet stream trains the base, and grow refuses: what is grown on stays as it is for ever") {
  SmallWorld world;
  Session streamed = SmallWorld::open(world.init("streamed"));
  RunOptions options = world.options(0, 4);
  options.grow_first = true;
  SilentProgress progress;
  CHECK_THROWS_WITH(grow(streamed, 0, GrowMode::kAnnex, "newest", progress), Catch::Contains("nothing was learnt yet"));
  SmallWorld::run(streamed, options);
  CHECK(streamed.loaded.model.newest() == 0);
  Session trained = SmallWorld::open(world.init("trained"));
  SmallWorld::run(trained, world.options(0, 4));
  CHECK(streamed.generation.trunk("base")->content == trained.generation.trunk("base")->content);
}

TEST_CASE("train refuses when every view is frozen, and says what to do") {
  SmallWorld world;
  const std::string pool = world.init("pool");
  for (int domain = 0; domain < 2; ++domain) world.stage(pool, domain);
  Session session = SmallWorld::open(pool);
  RunOptions options = world.options(2);
  options.grow_first = false;
  CHECK_THROWS_WITH(SmallWorld::run(session, options), Catch::Contains("peer-cli grow"));
}

TEST_CASE("a naive reference leaves the model alone and fills the plasticity of its domain") {
  SmallWorld world;
  const std::string with = world.init("with"), without = world.init("without");
  for (const std::string& pool : {with, without}) world.stage(pool, 0);
  Session a = SmallWorld::open(with), b = SmallWorld::open(without);
  RunOptions options = world.options(1);
  SmallWorld::run(b, options);
  options.stage.reference = Reference::kNaive;
  SmallWorld::run(a, options);
  CHECK(a.generation.trunk("v1")->content == b.generation.trunk("v1")->content);
  CHECK(std::isfinite(derive(matrix_of(a.loaded.history)).plasticity[1]));
  CHECK(std::isnan(derive(matrix_of(b.loaded.history)).plasticity[1]));
}

TEST_CASE("stream refuses while a view that was grown by hand waits to be trained") {
  SmallWorld world;
  const std::string pool = world.init("pool");
  world.stage(pool, 0);
  SilentProgress silent;
  Session session = SmallWorld::open(pool);
  grow(session, 32, GrowMode::kAnnex, "auto", silent);
  CHECK_THROWS_WITH(SmallWorld::run(session, world.options(1)), Catch::Contains("peer-cli train"));
}
