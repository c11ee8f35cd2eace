#include "trainer/strategies/grown_part.h"

#include "peer/base/error.h"
#include "tests/support/catch.h"
#include "tests/trainer/small_world.h"

using namespace peer;
using namespace peer::trainer;
using namespace peer::trainer::test;

namespace {

constexpr std::int64_t kSide = 6;  // of tiny_options' grid: 36 experts in pages of 16, so old and new ones share a page

RunOptions with(const SmallWorld& world, Strategy strategy, int domain, std::int64_t steps) {
  RunOptions options = world.options(domain, steps);
  options.stage = composed(strategy);
  options.stage.domain = kNames[domain];
  return options;
}

struct Stages {
  SmallWorld world;
  Session session = SmallWorld::open(world.init("pool"));

  LoadedModel learn_first(Strategy strategy = Strategy::kNaive) {
    SmallWorld::run(session, with(world, strategy, 0, 20));
    return load_model(session.pool, session.generation, session.ctx.device());
  }
  layers::PeerBlock& block(model::Model& model) {
    layers::PeerBlock* found = nullptr;
    model.for_each_block(0, [&](layers::PeerBlock& b, int) { found = &b; });
    return *found;
  }
};

bool same_record(const layers::PeerBlock& a, const layers::PeerBlock& b, std::int64_t expert) {
  const float* record = a.experts().parameters(expert);
  return std::equal(record, record + 2 * a.experts().width(), b.experts().parameters(expert));
}

}  // namespace

TEST_CASE("after an extension that trains what grew, old experts, old sub-keys and the trunk have the bits of before") {
  Stages stages;
  LoadedModel before = stages.learn_first();
  RunOptions options = with(stages.world, Strategy::kExtend, 1, 20);
  options.stage.experts = "50";
  SmallWorld::run(stages.session, options);
  const Session reopened = SmallWorld::open(stages.world / "pool", kHead, pool::Access::kRead);
  LoadedModel after = load_model(reopened.pool, reopened.generation, reopened.ctx.device());
  const std::int64_t side = after.model.options().peer_side;
  REQUIRE(side == 10);  // 36 + 50 experts
  CHECK(after.history.stages.back().parameters_added == 64 * 2 * 16 + 2 * 4 * 4);

  const layers::PeerBlock &old = stages.block(before.model), &now = stages.block(after.model);
  for (std::int64_t e = 0; e < kSide * kSide; ++e) REQUIRE(same_record(old, now, e));
  bool trained = false;
  for (std::int64_t e = kSide * kSide; e < side * side; ++e)
    for (std::int64_t i = 0; i < 16; ++i) trained |= now.experts().parameters(e)[16 + i] != 0;  // up rows began at zero
  CHECK(trained);

  for (auto& parameter : before.model.base()) {
    INFO(parameter->name);
    const layers::Parameter& later = *after.model.base().find(parameter->name);
    const bool keys = parameter->name.find(".sub_keys.") != std::string::npos;
    const bool router = parameter->group == layers::ParameterGroup::kRouter && !keys;
    CHECK(std::equal(parameter->value().data(), parameter->value().data() + parameter->size(), later.value().data()) == !router);
    if (keys) CHECK(later.shape[1] == side);
  }
}

TEST_CASE("an extension may train everything, with what was there before pulled back and what is new left alone") {
  struct Moved {
    double old, grown;  // how far rows moved in the stage
  };
  const auto moved = [](double weight) {
    Stages stages;
    LoadedModel before = stages.learn_first(Strategy::kL2sp);
    RunOptions options = with(stages.world, Strategy::kExtend, 1, 20);
    options.stage.trains = Trains::kAll;
    options.stage.penalty = Penalty::kL2sp, options.stage.penalty_weight = weight;
    SmallWorld::run(stages.session, options);
    before.model.extend(stages.session.loaded.model.options().peer_side);
    const layers::PeerBlock &old = stages.block(before.model), &now = stages.block(stages.session.loaded.model);
    Moved sum{};
    for (std::int64_t e = 0; e < now.experts().count(); ++e)
      for (std::int64_t i = 0; i < 32; ++i)
        (e < kSide * kSide ? sum.old : sum.grown) += std::abs(now.experts().parameters(e)[i] - old.experts().parameters(e)[i]);
    return sum;
  };
  const Moved free = moved(0), pulled = moved(100);
  CHECK(pulled.old < 0.3 * free.old);
  CHECK(pulled.grown > 0.7 * free.grown);
}

TEST_CASE("a base on which views were grown, or without a grid, is not extended") {
  Stages stages;
  stages.learn_first();
  SmallWorld::run(stages.session, with(stages.world, Strategy::kGrow, 1, 5));
  CHECK_THROWS_WITH(SmallWorld::run(stages.session, with(stages.world, Strategy::kExtend, 2, 5)), Catch::Contains("views were grown"));
}

TEST_CASE("ranges of a grown part: every set's sub-keys from the old side on, other tensors whole") {
  layers::Parameters parameters;
  const layers::Parameter& keys = parameters.add("x.sub_keys.rows", {2, 5, 3}, layers::ParameterGroup::kRouter);
  const layers::Parameter& query = parameters.add("x.query.weight", {4, 3}, layers::ParameterGroup::kRouter);
  const GrownPart grown(3);
  const auto ranges = grown.ranges(keys);
  REQUIRE(ranges.size() == 2);
  CHECK(ranges[0].first == 9);
  CHECK(ranges[0].count == 6);
  CHECK(ranges[1].first == 24);
  CHECK(ranges[1].count == 6);
  CHECK(grown.ranges(query)[0].count == 12);
}
