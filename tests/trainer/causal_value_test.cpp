#include "trainer/evaluation/causal_value.h"

#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"
#include "tests/trainer/byte_model.h"

using namespace peer;
using namespace peer::trainer;

namespace {

const EvaluateOptions kOptions{.eval_batch = 3};

// v1 and v2 on the base, v3 on v1.
struct Scene {
  Context ctx{Device{}, 2};
  model::Model model{test::tiny_options(), 3};
  std::vector<streams::Document> documents;
  Scene() {
    model.create_experts();
    for (const int parent : {0, 0, 1}) model.add_view(parent, test::tiny_delta(), "test", true);
    for (int view = 0; view < 4; ++view) test::randomise(model, view, 0.3f, static_cast<std::uint64_t>(view + 1));
    for (const char* text : {"one text", "and another one, longer than a window of sixteen", "a third"})
      documents.push_back({text, "test", 0});
  }
  CausalValue causal(const std::vector<int>& views) {
    const ViewScores scores = score_views(ctx, byte_model(model), views_to_score(model, views), documents, kOptions);
    CausalValue causal;
    add_domain(causal, model, views, scores, documents, {});
    return causal;
  }
  double loss(const std::vector<int>& views) {
    return bits_per_byte(score_domain(ctx, byte_model(model), views, documents, kOptions, {}).mixture);
  }
};

}  // namespace

TEST_CASE("masking a generation takes the views that grew on it along") {
  Scene scene;
  const std::vector<int> all = {0, 1, 2, 3};
  CHECK(views_without(scene.model, all, 1) == std::vector<int>{0, 2});
  CHECK(views_without(scene.model, all, 2) == std::vector<int>{0, 1, 3});
  CHECK(views_without(scene.model, all, 3) == std::vector<int>{0, 1, 2});
  CHECK(views_passed(scene.model, all) == std::vector<int>{1, 2, 3});
}

TEST_CASE("a causal value is, to the last bit, the loss of a mixture that never had the masked views minus that of all") {
  Scene scene;
  const CausalValue causal = scene.causal({0, 1, 2, 3});
  CHECK(causal.views == std::vector<std::string>{"v1", "v2", "v3"});
  const double whole = scene.loss({0, 1, 2, 3});
  CHECK(causal.value[0][0] == scene.loss({0, 2}) - whole);
  CHECK(causal.value[1][0] == scene.loss({0, 1, 3}) - whole);
  CHECK(causal.value[2][0] == scene.loss({0, 1, 2}) - whole);
  for (const auto& row : causal.interval) CHECK(row[0].low <= row[0].high);
}

TEST_CASE("with one view that predicts, a generation is masked by what it grew on") {
  Scene scene;
  const CausalValue causal = scene.causal({3});
  CHECK(causal.views == std::vector<std::string>{"v1", "v3"});
  CHECK(causal.value[0][0] == scene.loss({0}) - scene.loss({3}));
  CHECK(causal.value[1][0] == scene.loss({1}) - scene.loss({3}));
}

TEST_CASE("a base alone has no generation to mask") {
  Scene scene;
  CHECK(scene.causal({0}).views.empty());
  CHECK(views_to_score(scene.model, std::vector<int>{0}) == std::vector<int>{0});
}

TEST_CASE("weights along a document start at the prior, sum to one, and are means over stretches that lose no token") {
  Scene scene;
  const std::vector<int> views = {0, 1, 2, 3};
  const ViewScores scores = score_views(scene.ctx, byte_model(scene.model), views, scene.documents, kOptions);
  const TokenWeights weights = mixture_weights(scores, views, 1, {});
  const model::Mixture prior(4, {});
  for (std::size_t g = 0; g < 4; ++g) {
    REQUIRE(weights[g].size() == scene.documents[1].text.size() + 1);
    CHECK(weights[g][0] == Approx(prior.prior()[g]));
  }
  for (std::size_t t = 0; t < weights[0].size(); ++t)
    CHECK(weights[0][t] + weights[1][t] + weights[2][t] + weights[3][t] == Approx(1).epsilon(1e-5));
}
