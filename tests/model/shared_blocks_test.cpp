// Views that change nothing below some block share what lies there.
#include <algorithm>

#include "peer/model/model_cost.h"
#include "peer/ops/cross_entropy.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"

using namespace peer;
using model::Model;

namespace {

constexpr std::int64_t kLength = 16;

model::DeltaOptions from_block(std::int64_t first) {
  model::DeltaOptions delta = test::tiny_delta();
  delta.first_layer = first;
  delta.feed_forward_rank = 3;
  delta.residual_scale = 1.5;
  return delta;
}

// Views of three blocks: 1 on the base from block 1 on, 2 on view 1 from block 2 on, 3 on the base with everything.
Model grown_model() {
  model::ModelOptions options = test::tiny_options();
  options.layers = 3;
  Model m(options, 4);
  m.create_experts();
  test::randomise(m, 0, 0.1f);
  m.add_view(0, from_block(1), "one", true);
  m.add_view(1, from_block(2), "two", true);
  m.add_view(0, from_block(0), "all", true);
  for (const int view : {1, 2, 3}) test::randomise(m, view, 0.3f, static_cast<std::uint64_t>(view));
  return m;
}

int shared(const Model& m, std::initializer_list<int> views) { return m.shared_blocks(std::vector<int>(views)); }

}  // namespace

TEST_CASE("a view has nothing below its first block, and costs what it holds") {
  Model m = grown_model();
  for (const int view : {1, 2, 3}) {
    const model::DeltaOptions& options = m.view(view).delta->options;
    CHECK(m.parameters(view).count() == model::cost_of(m.options(), options).dense_parameters);
    CHECK(m.view(view).delta->vocabulary->changes_embedding() == (options.first_layer == 0));
    std::int64_t lowest = m.options().layers;
    m.for_each_block(view, [&](layers::PeerBlock&, int layer) { lowest = std::min<std::int64_t>(lowest, layer); });
    CHECK(lowest == options.first_layer);
  }
  CHECK_THROWS_AS(m.add_view(0, from_block(3), "none", true), UsageError);
}

TEST_CASE("views share the blocks below the lowest that any generation on their paths changes") {
  const Model m = grown_model();
  CHECK(shared(m, {0, 1}) == 1);
  CHECK(shared(m, {0, 2}) == 1);
  CHECK(shared(m, {0, 1, 3}) == 0);
  CHECK(shared(m, {1}) == 0);  // nobody to share with
}

TEST_CASE("a view that goes on from shared blocks computes the bits that it computes alone") {
  Context ctx({}, 2);
  Model m = grown_model();
  const auto tokens = test::tiny_tokens(3 * kLength, 257);
  const View<const std::int32_t, 1> input(tokens.data(), 3 * kLength);
  model::Activations base(m, 0, 3, kLength, false);
  const auto x = m.forward_below(ctx, input, base, 1);
  const std::vector<float> below(x.data, x.data + x.size());
  for (const int view : {0, 1, 2}) {
    model::Activations saved(m, view, 3, kLength, false);
    m.forward_above(ctx, {below.data(), 3 * kLength, m.options().width}, saved, 1);
    const std::vector<float> logits(saved.logits.data(), saved.logits.data() + saved.logits.size());
    CHECK(logits == test::logits_of(ctx, m, view, tokens, kLength));
  }
}

TEST_CASE("a view's gradients are the same bits whether the frozen blocks below it were walked or not") {
  Context ctx({}, 2);
  Model m = grown_model();
  const auto tokens = test::tiny_tokens(2 * kLength + 1, 257);
  const auto gradients = [&](bool base_too) {
    m.set_trainable(0, base_too);
    m.set_trainable(2, true);
    m.base().zero_gradients(ctx);
    m.parameters(2).zero_gradients(ctx);
    model::Activations saved(m, 2, 2, kLength, true);
    std::vector<float> nll(static_cast<std::size_t>(saved.tokens)), all;
    m.forward(ctx, {tokens.data(), saved.tokens}, saved, false);
    ops::cross_entropy_with_gradient(
        ctx, {.logits = saved.logits_view(), .target = {tokens.data() + 1, saved.tokens}, .scale = 1, .nll = {nll.data(), saved.tokens}});
    m.backward(ctx, {tokens.data(), saved.tokens}, saved, [&](layers::PeerBlock&, View<const std::int64_t, 1>, View<float, 2>) {});
    for (auto& p : m.parameters(2))
      if (p->trainable()) all.insert(all.end(), p->gradient.data(), p->gradient.data() + p->size());
    return all;
  };
  const std::vector<float> whole = gradients(true), stopped = gradients(false);
  CHECK(whole == stopped);
  CHECK(std::any_of(whole.begin(), whole.end(), [](float g) { return g != 0; }));
}
