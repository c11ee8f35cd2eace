#include "trainer/strategies/orthogonality.h"

#include "tests/support/catch.h"
#include "tests/trainer/small_world.h"

using namespace peer;
using namespace peer::trainer;
using namespace peer::trainer::test;

namespace {

// A base with adapters on adapters on adapters, and a sibling of the newest that is not on its path.
struct Chain {
  model::Model model{tiny_options(), 1};
  Chain() {
    model::DeltaOptions delta = tiny_delta();
    delta.annex_side = delta.dense_hidden = 0, delta.feed_forward_rank = 2, delta.vocabulary_rank = 3;
    model.create_experts();
    for (const int parent : {0, 1, 1, 2}) randomise(model, model.add_view(parent, delta, "", true), 0.5f, 11);
    model.set_trainable(4, true);
  }
  layers::Parameter& a(const std::string& view, int of) {
    return *model.parameters(of).find(view + ".layers.0.self_attn.q_proj.lora_A.weight");
  }
};

}  // namespace

TEST_CASE("the gradient of the overlap with older adapters is that of finite differences") {
  Chain chain;
  const Orthogonality penalty(chain.model, 4, 0.7);
  for (auto& parameter : chain.model.parameters(4)) penalty.add_to(*parameter);
  constexpr float kStep = 1e-2f;
  int overlapping = 0;
  for (auto& parameter : chain.model.parameters(4)) {
    for (std::int64_t i = 0; i < parameter->size(); i += 7) {
      const float value = parameter->value()[i];
      parameter->write()[i] = value + kStep;
      const double above = penalty.value();
      parameter->write()[i] = value - kStep;
      const double below = penalty.value();
      parameter->write()[i] = value;
      REQUIRE(parameter->gradient[i] == Approx((above - below) / (2 * kStep)).epsilon(1e-3).margin(1e-3));
      overlapping += parameter->gradient[i] != 0;
    }
  }
  CHECK(overlapping > 20);
  const layers::Parameter& on_feed_forward = *chain.model.parameters(4).find("v4.layers.0.mlp.down_proj.lora_A.weight");
  CHECK(std::any_of(on_feed_forward.gradient.data(), on_feed_forward.gradient.data() + on_feed_forward.size(),
                    [](float g) { return g != 0; }));
}

TEST_CASE("only adapters on the view's path count, each against its own map, and orthogonal ones cost nothing") {
  Chain chain;
  for (int view = 1; view <= 4; ++view)
    for (auto& parameter : chain.model.parameters(view)) std::fill_n(parameter->write().data(), parameter->size(), 0.0f);
  layers::Parameter &own = chain.a("v4", 4), &parent = chain.a("v2", 2), &sibling = chain.a("v3", 3);
  own.write()[0] = 2, parent.write()[1] = 3, sibling.write()[0] = 5;  // rows (2 0 ..), (0 3 ..), (5 0 ..)
  const Orthogonality penalty(chain.model, 4, 0.5);
  CHECK(penalty.value() == 0);
  parent.write()[0] = 1;
  CHECK(penalty.value() == Approx(0.5 * 2 * 2));
  CHECK(Orthogonality(chain.model, 1, 0.5).value() == 0);  // nothing is older
}

TEST_CASE("a stage of O-LoRA trains adapters alone, on the newest view, and away from the older ones") {
  const SmallWorld world;
  const auto overlap = [&](double weight) {
    Session session = SmallWorld::open(world.init(to_text(weight)));
    for (int domain = 0; domain < 3; ++domain) {
      RunOptions options = world.options(domain, 30);
      options.stage = composed(Strategy::kOlora);
      options.stage.domain = kNames[domain], options.stage.orthogonal = weight;
      SmallWorld::run(session, options);
    }
    model::Model& model = session.loaded.model;
    REQUIRE(model.path(2) == std::vector<int>{1, 2});
    for (auto& parameter : model.parameters(2)) {
      const bool moved =
          std::any_of(parameter->value().data(), parameter->value().data() + parameter->size(), [](float v) { return v != 0; });
      CHECK(moved == (parameter->name.find(".lora_") != std::string::npos));
    }
    return Orthogonality(model, 2, 1).value();
  };
  CHECK(overlap(1) < 0.2 * overlap(0));
}
