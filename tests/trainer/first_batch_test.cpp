#include <cmath>

#include "tests/support/catch.h"
#include "tests/trainer/small_world.h"
#include "trainer/plasticity.h"
#include "trainer/step.h"

using namespace peer;
using namespace peer::trainer;
using namespace peer::trainer::test;

namespace {

const std::vector<std::int32_t> kTokens = tiny_tokens(4 * 17, 257);

// A view on a base whose every number was moved, before and after it met its first batch.
struct Newcomer {
  Context ctx{Device{}, 1};
  model::Model model;
  std::vector<float> parent;

  Newcomer(model::SubKeys sub_keys, model::ModelOptions options = tiny_options()) : model(options, 3) {
    model::DeltaOptions delta = tiny_delta();
    delta.annex_sub_keys = sub_keys;
    model.create_experts();
    randomise(model, 0, 0.1f);
    parent = logits(0);
    make_plastic(model, model.add_view(0, delta, "", true), Trains::kGrown);
  }
  void meet() {
    TrainOptions train;
    train.batch = 4;
    TrainingStep step(ctx, model, 1, train);
    meet_first_batch(ctx, model, 1, step, {.rows = 4, .length = 16, .tokens = kTokens, .bytes = 64});
  }
  std::vector<float> logits(int view) { return logits_of(ctx, model, view, tiny_tokens(64, 257, 2), 16); }
  const layers::Parameter& sub_keys(const std::string& half) { return *model.parameters(1).find("v1.layers.0.peer.sub_keys." + half); }
};

double length_of(const layers::Parameter& sub_keys, std::int64_t key) {
  double squares = 0;
  for (std::int64_t i = 0; i < sub_keys.shape[2]; ++i) squares += std::pow(sub_keys.value()[key * sub_keys.shape[2] + i], 2);
  return std::sqrt(squares);
}

}  // namespace

TEST_CASE("what a view takes from its first batch changes no logit, whatever its sub-keys start from and its queries are normed by") {
  const auto sub_keys = GENERATE(model::SubKeys::kRandom, model::SubKeys::kCentroids, model::SubKeys::kClones);
  model::ModelOptions options = tiny_options();
  options.peer.query_norm = GENERATE(QueryNormKind::kBatch, QueryNormKind::kRms);
  options.peer.shared_sub_keys = GENERATE(true, false);
  Newcomer view(sub_keys, options);
  CHECK(view.logits(1) == view.parent);
  view.meet();
  CHECK(view.logits(1) == view.parent);
}

TEST_CASE("only sub-keys that start as centroids move in the first batch, to unit vectors that queries score higher against") {
  Newcomer drawn(model::SubKeys::kRandom), centred(model::SubKeys::kCentroids);
  const auto best_scores = [](Newcomer& view) {  // the best score of every query of the batch, summed
    model::Activations saved(view.model, 1, 4, 16, true);
    view.model.forward(view.ctx, {tiny_tokens(64, 257).data(), 64}, saved, false);
    double sum = 0;
    for (const auto& block : saved.blocks)
      for (std::int64_t i = 0; i < block.branches[1].peer->score.size(); i += 2) sum += block.branches[1].peer->score[i];
    return sum;
  };
  for (Newcomer* view : {&drawn, &centred}) {
    const std::vector<float> before(view->sub_keys("rows").value().data(), view->sub_keys("rows").value().data() + 16);
    view->meet();
    CHECK(std::equal(before.begin(), before.end(), view->sub_keys("rows").value().data()) == (view == &drawn));
  }
  for (const char* half : {"rows", "columns"})
    for (std::int64_t key = 0; key < 4; ++key) CHECK(length_of(centred.sub_keys(half), key) == Approx(1).margin(1e-6));
  CHECK(best_scores(centred) > 1.2 * best_scores(drawn));
}

TEST_CASE("a moving average of the weights starts from the centroids, not from the sub-keys that they replaced") {
  const SmallWorld world;
  Session session = SmallWorld::open(world.init("pool"));
  SmallWorld::run(session, world.options(0));
  session.delta.annex_sub_keys = model::SubKeys::kCentroids;
  RunOptions options = world.options(1, 2);
  options.stage.average = 0.999999;
  SmallWorld::run(session, options);
  const layers::Parameter& rows = *session.loaded.model.parameters(1).find("v1.layers.0.peer.sub_keys.rows");
  for (std::int64_t key = 0; key < 4; ++key) CHECK(length_of(rows, key) == Approx(1).margin(1e-4));
}
