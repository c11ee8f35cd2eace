#include "trainer/evaluation/expert_usage.h"

#include <algorithm>

#include "streams/tokenizer/byte_tokenizer.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"
#include "tests/trainer/byte_model.h"
#include "trainer/evaluation/window.h"

using namespace peer;
using namespace peer::trainer;

namespace {

using streams::ByteTokenizer;

const EvaluateOptions kOptions{.eval_batch = 3, .eval_overlap = 0.5};

// A base, two views on it, and a third on the first of them.
struct Scene {
  Context ctx{Device{}, 2};
  model::Model model{test::tiny_options(), 3};
  std::vector<streams::Document> documents;
  std::vector<int> views = {0, 1, 2, 3};
  Scene() {
    model.create_experts();
    for (const int parent : {0, 0, 1}) model.add_view(parent, test::tiny_delta(), "test", true);
    for (int view = 0; view < 4; ++view) test::randomise(model, view, 0.3f, static_cast<std::uint64_t>(view + 1));
    for (const char* text : {"a short one", "a text that is longer than one window of sixteen bytes", "and a third document, to be even"})
      documents.push_back({text, "test", 0});
  }
  std::vector<TokenWeights> weights() {
    const ViewScores scores = score_views(ctx, byte_model(model), views, documents, kOptions);
    std::vector<TokenWeights> weights;
    for (std::size_t d = 0; d < documents.size(); ++d) weights.push_back(mixture_weights(scores, views, d, {}));
    return weights;
  }
  ExpertUsage usage(const std::vector<TokenWeights>& weights) {
    ExpertUsage usage;
    add_domain(usage, ctx, byte_model(model), views, documents, weights, kOptions);
    return usage;
  }
};

// The same by the plain way: one window at a time, every block's activations kept, each block found by walking the view's path.
void recount(Scene& scene, const std::vector<TokenWeights>& weights, ExpertUsage& into) {
  const std::int64_t length = scene.model.options().context;
  const auto block_at = [&](int view, int layer) {
    for (std::size_t b = 0; b < into.blocks.size(); ++b)
      if (into.blocks[b].view == view && into.blocks[b].layer == layer) return b;
    return into.blocks.size();
  };
  for (std::size_t g = 0; g < scene.views.size(); ++g)
    for (std::size_t d = 0; d < scene.documents.size(); ++d) {
      std::vector<std::int32_t> tokens = {ByteTokenizer::kEndOfDocument};
      kBytes.append(scene.documents[d].text, tokens);
      const auto targets = static_cast<std::int64_t>(tokens.size());
      for (const Window& w : windows_of(targets, length, kOptions.eval_overlap)) {
        std::vector<std::int32_t> input(static_cast<std::size_t>(length), ByteTokenizer::kEndOfDocument);
        std::copy(tokens.begin() + w.begin, tokens.begin() + w.end, input.begin());
        model::Activations saved(scene.model, scene.views[g], 1, length, true);
        scene.model.forward(scene.ctx, {input.data(), length}, saved, false);
        std::vector<int> path = scene.model.path(scene.views[g]);
        path.insert(path.begin(), 0);
        for (int layer = 0; layer < 2; ++layer)
          for (std::size_t p = 0; p < path.size(); ++p) {
            const auto& peer = saved.blocks[static_cast<std::size_t>(layer)].branches[p].peer;
            if (!peer) continue;
            BlockUse& use = into.domains[0][block_at(path[p], layer)];
            const std::int64_t R = peer->gate.size() / length;
            for (std::int64_t t = w.score_begin; t < w.end; ++t)
              for (std::int64_t r = 0; r < R; ++r)
                use.mass[d % 2][static_cast<std::size_t>(peer->id[(t - w.begin) * R + r])] +=
                    static_cast<double>(weights[d][g][static_cast<std::size_t>(t)]) *
                    static_cast<double>(peer->gate[(t - w.begin) * R + r]);
          }
      }
    }
}

}  // namespace

TEST_CASE("usage equals a plain recount of every block's picks") {
  Scene scene;
  const auto weights = scene.weights();
  const ExpertUsage usage = scene.usage(weights);
  REQUIRE(usage.blocks.size() == 1 + 3 * 2);  // the base has one PEER layer, a view an annex in both layers
  ExpertUsage plain;
  plain.blocks = usage.blocks;
  auto& uses = plain.domains.emplace_back();
  for (const UsedBlock& block : usage.blocks) {
    const auto experts = static_cast<std::size_t>(block.experts);
    uses.push_back({{std::vector<double>(experts), std::vector<double>(experts)}, std::vector<bool>(experts)});
  }
  recount(scene, weights, plain);
  for (std::size_t b = 0; b < usage.blocks.size(); ++b)
    for (std::size_t half = 0; half < 2; ++half)
      for (std::size_t e = 0; e < usage.domains[0][b].mass[half].size(); ++e)
        CHECK(usage.domains[0][b].mass[half][e] == Approx(uses[b].mass[half][e]).margin(1e-4));
}

TEST_CASE("a softmax gate gives each head of each view its weight for every token once: bytes and the end, no more") {
  Scene scene;
  const ExpertUsage usage = scene.usage(scene.weights());
  double tokens = 0;
  for (const auto& document : scene.documents) tokens += static_cast<double>(document.text.size()) + 1;
  double base = 0;
  for (const auto& half : usage.domains[0][0].mass)
    for (const double mass : half) base += mass;
  CHECK(base == Approx(tokens * 2).epsilon(1e-5));  // two heads; every view reads the base, and their weights sum to 1
}

TEST_CASE("a top pick has mass, and there is at least one in every block") {
  Scene scene;
  const ExpertUsage usage = scene.usage(scene.weights());
  for (const BlockUse& use : usage.domains[0]) {
    CHECK(std::count(use.top.begin(), use.top.end(), true) > 0);
    for (std::size_t e = 0; e < use.top.size(); ++e)
      if (use.top[e]) CHECK(use.mass[0][e] + use.mass[1][e] > 0);
  }
}
