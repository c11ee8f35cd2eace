#include "trainer/evaluation/remembered_scores.h"
#include "trainer/state/views.h"

#include <algorithm>

#include "peer/base/error.h"
#include "peer/device/rounded_gemm.h"
#include "tests/support/catch.h"
#include "tests/trainer/byte_model.h"
#include "tests/trainer/small_world.h"

using namespace peer;
using namespace peer::trainer;
using namespace peer::trainer::test;

namespace {

// A pool with a base and a view on it, opened, and one domain's held-out documents.
struct Scene {
  explicit Scene(int threads = kThreads) : pool(world.init("pool")) {
    for (int domain = 0; domain < 2; ++domain) world.stage(pool, domain);
    session.emplace(open_session(pool, kHead, pool::Access::kWrite, {}, threads));
    held_out = session->loaded.history.domains[0].held_out;
    documents = read_held_out(session->pool, session->loaded.history.domains[0]);
  }
  RememberedScores memory(std::span<const int> changing, const Records& fresh) {
    return {*session, world.options(0).evaluate, changing, fresh};
  }
  SmallWorld world;
  std::string pool;
  std::optional<Session> session;
  Digest held_out;
  std::vector<streams::Document> documents;
  const std::vector<int> both = {0, 1}, none = {};
};

}  // namespace

TEST_CASE("remembered scores are bit for bit those that the model gives, and are read instead of it") {
  Scene scene;
  Records first, second;
  const ViewScores read = scene.memory(scene.none, {}).of(scene.both, scene.held_out, scene.documents, first);
  CHECK(read ==
        score_views(scene.session->ctx, scene.session->loaded.language(), scene.both, scene.documents, scene.world.options(0).evaluate));
  REQUIRE(first.size() == 1);  // the base was scored by the stage that grew the view: that one is in the pool
  scene.session->pool.put_records(first);
  for (auto& parameter : scene.session->loaded.model.base())
    std::fill_n(parameter->write().data(), parameter->size(), 0.0f);  // who asks the model now gets something else
  CHECK(scene.memory(scene.none, {}).of(scene.both, scene.held_out, scene.documents, second) == read);
  CHECK(second.empty());
}

TEST_CASE("a score in one precision is not remembered as one in another") {
  Scene scene;
  Records records;
  {
    const PrecisionScope bf16(scene.session->ctx, Precision::kBf16);
    CHECK(scene.memory(scene.none, {}).known(scene.both, scene.held_out, scene.documents).empty());
    scene.memory(scene.none, {}).of(scene.both, scene.held_out, scene.documents, records);
    CHECK(scene.memory(scene.none, records).known(scene.both, scene.held_out, scene.documents).size() == 2);
  }
  CHECK(scene.memory(scene.none, records).known(scene.both, scene.held_out, scene.documents).size() == 1);  // in fp32, of the stage
}

TEST_CASE("a domain's score is bit for bit the same whichever views are remembered, and only the others read") {
  Scene scene;
  const EvaluateOptions options = scene.world.options(0).evaluate;
  model::Model& model = scene.session->loaded.model;
  const auto score = [&](const ViewScores& known) {
    return score_domain(scene.session->ctx, byte_model(model), scene.both, scene.documents, options, {}, {}, known);
  };
  const auto bits = [](const DomainScore& of) {
    std::vector<double> all;
    for (const DocumentBits& d : of.mixture) all.push_back(d.bits);
    for (const auto& view : of.by_view)
      for (const DocumentBits& d : view) all.push_back(d.bits);
    return all;
  };
  const DomainScore read = score({});
  CHECK(read.views_read == 2.0);
  ViewScores known = scene.memory(scene.none, {}).known(scene.both, scene.held_out, scene.documents);
  REQUIRE(known.size() == 1);
  CHECK(known.contains(0));
  CHECK(bits(score(known)) == bits(read));
  CHECK(score(known).views_read == 1.0);
  known = score_views(scene.session->ctx, byte_model(model), scene.both, scene.documents, options);
  for (auto& parameter : model.base()) std::fill_n(parameter->write().data(), parameter->size(), 0.0f);
  CHECK(bits(score(known)) == bits(read));
  CHECK(score(known).views_read == 0.0);
  CHECK(bits(score({})) != bits(read));
}

TEST_CASE("what a stage changes is not remembered, nor what grew on it") {
  Scene scene;
  for (const auto& [changing, kept] : {std::pair{std::vector<int>{1}, 0u}, {std::vector<int>{0}, 0u}, {std::vector<int>{}, 1u}}) {
    Records records;
    scene.memory(changing, {}).of(scene.both, scene.held_out, scene.documents, records);
    CHECK(records.size() == kept);
  }
}

TEST_CASE("scores of another number of threads, window overlap or batch are not taken for these") {
  Scene scene(2);
  Records records;
  scene.memory(scene.none, {}).of(scene.both, scene.held_out, scene.documents, records);
  CHECK(records.size() == 2);
  EvaluateOptions overlap = scene.world.options(0).evaluate, batch = overlap;
  overlap.eval_overlap = 0.25, batch.eval_batch = 2;
  for (const EvaluateOptions& changed : {overlap, batch}) {
    Records more;
    RememberedScores(*scene.session, changed, scene.none, records).of(scene.both, scene.held_out, scene.documents, more);
    CHECK(more.size() == 2);
  }
}

TEST_CASE("scores of another CPU path are not taken for these") {
  Scene scene;
  Records records, more;
  scene.memory(scene.none, {}).of(scene.both, scene.held_out, scene.documents, records);
  for (const CpuPath path : runnable_cpu_paths()) {
    if (path == scene.session->ctx.cpu_path()) continue;
    scene.session->ctx = Context({}, kThreads, path);
    more.clear();
    scene.memory(scene.none, records).of(scene.both, scene.held_out, scene.documents, more);
    CHECK(more.size() == 2);  // neither that of the pool nor that of `records`
    break;
  }
}

TEST_CASE("a stored score that was damaged or is of other documents is refused") {
  Scene scene;
  Records records;
  scene.memory(scene.none, {}).of(scene.both, scene.held_out, scene.documents, records);
  REQUIRE(records.size() == 1);
  SECTION("a byte") { records[0].second.back() ^= 1; }
  SECTION("cut off") { records[0].second.pop_back(); }
  Records more;
  CHECK_THROWS_AS(scene.memory(scene.none, records).of(scene.both, scene.held_out, scene.documents, more), CorruptError);
}

TEST_CASE("a stage's row of L is the same number whether old views were remembered or read") {
  SmallWorld world;
  const std::string pool = world.init("pool");
  for (int domain = 0; domain < 3; ++domain) world.stage(pool, domain);
  Session session = SmallWorld::open(pool, kHead, pool::Access::kRead);
  std::size_t remembered = 0;
  session.pool.for_each_record("scores/", [&](std::string_view, std::string_view) { ++remembered; });
  CHECK(remembered > 0);
  for (const DomainRecord& domain : session.loaded.history.domains) {
    const auto documents = read_held_out(session.pool, domain);
    const auto score = score_domain(session.ctx, session.loaded.language(), all_views(session.loaded.model), documents,
                                    world.options(0).evaluate, world.options(0).mixture);
    CHECK(bits_per_byte(score.mixture) == session.loaded.history.stages.back().loss.at(domain.name));
  }
}
