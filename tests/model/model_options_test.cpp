// Which shapes of a model are refused, and what the shapes of attention and of the vocabulary that can be chosen make of one.
#include "peer/model/model_options.h"

#include "peer/base/error.h"
#include "peer/model/model_cost.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"

using namespace peer;

namespace {

model::ModelOptions with_heads(std::int64_t width, layers::QueryKeyNorm norm, layers::AttentionBias bias = layers::AttentionBias::kNone) {
  model::ModelOptions o = test::tiny_options();
  o.head_width = width, o.query_key_norm = norm, o.attention_bias = bias;
  return o;
}

}  // namespace

TEST_CASE("model options that do not fit together are refused with the rule") {
  model::ModelOptions o = test::tiny_options();
  o.heads = 3;
  CHECK_THROWS_AS(model::Model(o, 0), UsageError);
  o = test::tiny_options();
  o.peer_layers = {7};
  CHECK_THROWS_AS(model::Model(o, 0), UsageError);
  o = test::tiny_options();
  o.peer.top_k = 7;
  CHECK_THROWS_AS(model::Model(o, 0), UsageError);
  model::DeltaOptions delta = test::tiny_delta();
  delta.residual_scale = 0;
  CHECK_THROWS_AS(model::check(delta, test::tiny_options()), UsageError);
  delta = test::tiny_delta();
  delta.feed_forward_rank = -1;
  CHECK_THROWS_AS(model::check(delta, test::tiny_options()), UsageError);
  for (const std::int64_t rank : {-1, 17}) {  // the width is 16
    delta = test::tiny_delta();
    delta.vocabulary_rank = rank;
    CHECK_THROWS_AS(model::check(delta, test::tiny_options()), UsageError);
  }
}

TEST_CASE("a width of heads is refused unless it is even and positive, and one that is given need not divide the model's") {
  model::ModelOptions o = test::tiny_options();
  const auto refused = [&](std::int64_t heads, std::int64_t head_width, const std::string& reason) {
    o.heads = heads, o.head_width = head_width;
    CHECK_THROWS_AS(model::check(o), UsageError);
    CHECK_THROWS_WITH(model::check(o), Catch::Contains(reason));
  };
  refused(4, -2, "head-width must not be negative, found -2");
  refused(4, 5, "head-width must be even for rotary positions, found 5");
  refused(16, 0, "width / heads must be even for rotary positions, found 1");
  refused(6, 0, "heads (6) must divide width (16) where head-width is not given");
  refused(0, 4, "heads (0)");
  o.heads = 6, o.head_width = 4;
  CHECK_NOTHROW(model::check(o));
  o.head_width = 258;
  CHECK_NOTHROW(model::check(o, Device{}));
  CHECK_THROWS_WITH(model::check(o, Device{Device::Kind::kCuda}),
                    Catch::Contains("'head-width': on cuda:0 a head has at most 256 numbers, found 258"));
}

TEST_CASE("the cost of heads of any width, of their norms and of views on them is what their tensors add up to") {
  using enum layers::AttentionBias;
  for (const auto& o : {with_heads(6, layers::QueryKeyNorm::kRms), with_heads(2, layers::QueryKeyNorm::kNone, kQkvo),
                        with_heads(0, layers::QueryKeyNorm::kRms, kQkv)}) {
    model::Model m(o, 0);
    CHECK(m.base().count() == model::cost_of(o).dense_parameters);
    const int view = m.add_view(0, test::tiny_delta(), "x", false);
    CHECK(m.parameters(view).count() == model::cost_of(o, test::tiny_delta()).dense_parameters);
  }
  model::ModelOptions wide = with_heads(8, layers::QueryKeyNorm::kNone), usual = with_heads(0, layers::QueryKeyNorm::kNone);
  const std::int64_t maps = (4 + 4 + 2 + 2) * 4 * usual.width, scores = 4 * 4 * usual.context;  // of 4 more numbers a head, in a block
  CHECK((model::cost_of(wide) - model::cost_of(usual)).forward_flops == usual.layers * 2 * (maps + scores));
}

TEST_CASE("a width of heads that is their share of the model, given or not, gives the same bits") {
  Context ctx({}, 1);
  const auto logits = [&](std::int64_t head_width) {
    model::Model m(with_heads(head_width, layers::QueryKeyNorm::kNone), 3);
    m.create_experts();
    return test::logits_of(ctx, m, 0, test::tiny_tokens(16, m.options().vocabulary), 16);
  };
  CHECK(logits(4) == logits(0));
}

TEST_CASE("a norm of queries and keys makes logits that do not change with the scale of the maps") {
  Context ctx({}, 1);
  const auto logits = [&](layers::QueryKeyNorm norm, float scale) {
    model::ModelOptions o = with_heads(6, norm);
    o.peer_layers = {}, o.norm_epsilon = 1e-12;
    model::Model m(o, 3);
    for (auto& parameter : m.base())
      if (parameter->name.ends_with("q_proj.weight") || parameter->name.ends_with("k_proj.weight"))
        for (std::int64_t i = 0; i < parameter->size(); ++i) parameter->write()[i] *= scale;
    return test::logits_of(ctx, m, 0, test::tiny_tokens(16, o.vocabulary), 16);
  };
  CHECK(logits(layers::QueryKeyNorm::kRms, 4) == logits(layers::QueryKeyNorm::kRms, 1));  // powers of two scale without rounding
  CHECK(logits(layers::QueryKeyNorm::kNone, 4) != logits(layers::QueryKeyNorm::kNone, 1));
}

TEST_CASE("tied embeddings are one table, and give the bits of two tables that hold the same") {
  Context ctx({}, 1);
  model::ModelOptions o = test::tiny_options();
  model::Model two(o, 5);
  o.tied_embeddings = true;
  model::Model one(o, 5);
  CHECK(one.base().count() == model::cost_of(o).dense_parameters);
  CHECK(two.base().count() == one.base().count() + o.vocabulary * o.width);
  CHECK(one.base().find("lm_head.weight") == nullptr);
  const layers::Parameter& table = *one.base().find("model.embed_tokens.weight");
  for (const char* name : {"model.embed_tokens.weight", "lm_head.weight"})
    std::copy_n(table.value().data(), table.size(), two.base().find(name)->write().data());
  for (model::Model* m : {&one, &two}) m->create_experts();
  const auto tokens = test::tiny_tokens(16, o.vocabulary);
  CHECK(test::logits_of(ctx, one, 0, tokens, 16) == test::logits_of(ctx, two, 0, tokens, 16));
}
