// What a view adds, and how it starts.
#include <algorithm>
#include <cmath>

#include "peer/base/error.h"
#include "peer/model/model.h"
#include "peer/model/model_cost.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"

using namespace peer;
using model::Model;

TEST_CASE("a residual scale of 2 computes what annexes and dense blocks with twice the output rows compute; adapters are not scaled") {
  Context ctx({}, 1);
  const auto grown = [&](double scale, float factor) {
    Model model(test::tiny_options(), 5);
    model.create_experts();
    model::DeltaOptions delta = test::tiny_delta();
    delta.residual_scale = scale;
    const int view = model.add_view(0, delta, "x", true);
    test::randomise(model, view, 0.2f);
    for (auto& parameter : model.parameters(view))
      if (parameter->name.ends_with("mlp.down_proj.weight"))
        for (std::int64_t i = 0; i < parameter->size(); ++i) parameter->write()[i] *= factor;
    model.for_each_block(view, [&](layers::PeerBlock& block, int) {
      for (std::int64_t e = 0; e < block.experts().count(); ++e)
        for (int i = 16; i < 32; ++i) block.experts().owned_parameters(e)[i] *= factor;
    });
    return test::logits_of(ctx, model, view, test::tiny_tokens(64, 257), 16);
  };
  const auto plain = grown(1, 1), scaled = grown(2, 1), doubled = grown(1, 2);
  double apart = 0, moved = 0;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    apart = std::max(apart, std::abs(double{scaled[i]} - double{doubled[i]}));
    moved = std::max(moved, std::abs(double{scaled[i]} - double{plain[i]}));
  }
  CHECK(apart < 1e-5);
  CHECK(moved > 0.1);
}

TEST_CASE("an annex clones the router of the nearest layer and there of the newest view, or says why it cannot") {
  Model m(test::tiny_options(), 1);
  m.create_experts();
  model::DeltaOptions clones = test::tiny_delta();
  clones.annex_sub_keys = model::SubKeys::kClones;
  const auto cloned = [&](const std::string& name, const std::string& from) {
    const auto tensor = [&](const std::string& block) -> const layers::Parameter& {
      for (int v = 0; v <= m.newest(); ++v)
        if (layers::Parameter* p = m.parameters(v).find(block + ".peer.sub_keys.rows")) return *p;
      throw ContractError("no block " + block);
    };
    return std::equal(tensor(name).value().data(), tensor(name).value().data() + 4 * 4, tensor(from).value().data());
  };
  m.add_view(0, clones, "", true);  // the base has a PEER layer in block 1 alone
  CHECK(cloned("v1.layers.0", "model.layers.1"));
  CHECK(cloned("v1.layers.1", "model.layers.1"));
  test::randomise(m, 1, 0.1f);
  m.add_view(1, clones, "", true);
  CHECK(cloned("v2.layers.0", "v1.layers.0"));
  CHECK(cloned("v2.layers.1", "v1.layers.1"));

  clones.annex_d_key = 6;
  CHECK_THROWS_WITH(m.add_view(0, clones, "", true), Catch::Contains("annex-d-key 8"));
  CHECK(m.newest() == 2);
  model::ModelOptions bare = test::tiny_options();
  bare.peer_layers = {};
  Model without(bare, 1);
  CHECK_THROWS_WITH(without.add_view(0, clones, "", true), Catch::Contains("annex-sub-keys"));
}

TEST_CASE("a block whose PEER layer stands in place of the feed-forward gets no adapters on it") {
  model::ModelOptions options = test::tiny_options();
  options.peer_beside = false;
  Model m(options, 1);
  m.create_experts();
  model::DeltaOptions delta = test::tiny_delta();
  delta.feed_forward_rank = 3;
  const int view = m.add_view(0, delta, "", true);
  CHECK(m.parameters(view).find("v1.layers.0.mlp.up_proj.lora_A.weight") != nullptr);
  CHECK(m.parameters(view).find("v1.layers.1.mlp.up_proj.lora_A.weight") == nullptr);
  CHECK(m.parameters(view).count() == model::cost_of(options, delta).dense_parameters);
  Context ctx;
  const auto tokens = test::tiny_tokens(32, 257);
  CHECK(test::logits_of(ctx, m, view, tokens, 16) == test::logits_of(ctx, m, 0, tokens, 16));
}

TEST_CASE("annexes go into the layers that are named, and cost what they cost there") {
  Model m(test::tiny_options(), 1);
  m.create_experts();
  model::DeltaOptions delta = test::tiny_delta();
  delta.annex_layers = {1};
  m.add_view(0, delta, "one", true);
  std::vector<int> with_annex;
  m.for_each_block(1, [&](layers::PeerBlock&, int layer) { with_annex.push_back(layer); });
  CHECK(with_annex == std::vector<int>{1});
  CHECK(delta.annexes(2) == 1);
  CHECK(model::cost_of(test::tiny_options(), delta).experts == 16);
  delta.annex_layers = {2};
  CHECK_THROWS_AS(m.add_view(0, delta, "none", true), UsageError);
}

TEST_CASE("tensors that are left to a reader are zero where others are drawn, and have the same names and shapes") {
  model::DeltaOptions delta = test::tiny_delta();
  delta.vocabulary_rank = 2, delta.feed_forward_rank = 3;
  Model drawn(test::tiny_options(), 5), read(test::tiny_options(), 5, {}, layers::Start::kZero);
  drawn.add_view(0, delta, "", true);
  read.add_view(0, delta, "", false);
  for (const int view : {0, 1}) {
    for (const auto& parameter : drawn.parameters(view)) {
      const layers::Parameter* same = read.parameters(view).find(parameter->name);
      REQUIRE(same != nullptr);
      CHECK(same->shape == parameter->shape);
      const bool constant = parameter->shape.size() == 1;  // norms
      if (!constant) CHECK(std::all_of(same->value().data(), same->value().data() + same->size(), [](float x) { return x == 0; }));
    }
  }
}
