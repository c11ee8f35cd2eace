#include "peer/model/model.h"

#include <cmath>
#include <map>
#include <set>

#include "peer/base/error.h"
#include "peer/device/timed_step.h"
#include "peer/model/model_cost.h"
#include "peer/model/presets.h"
#include "peer/ops/cross_entropy.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"

using namespace peer;
using model::Model;

namespace {

// Sum of the losses, in double precision over fp32 forward passes.
double loss(Context& ctx, Model& model, model::Activations& saved, const std::vector<std::int32_t>& tokens, bool training) {
  const std::int64_t n = saved.tokens;
  std::vector<float> nll(n);
  model.forward(ctx, {tokens.data(), n}, saved, training);
  ops::cross_entropy(ctx, {.logits = saved.logits_view(), .target = {tokens.data() + 1, n}, .nll = {nll.data(), n}});
  double sum = 0;
  for (const float x : nll) sum += x;
  return sum;
}

// What every block on the path retrieved: the loss jumps where this changes, so a difference must not straddle a change.
std::vector<std::int32_t> retrieved(const model::Activations& saved) {
  std::vector<std::int32_t> picks;
  for (const auto& block : saved.blocks)
    for (const auto& branch : block.branches) {
      if (!branch.peer) continue;
      picks.insert(picks.end(), branch.peer->row.data(), branch.peer->row.data() + branch.peer->row.size());
      picks.insert(picks.end(), branch.peer->column.data(), branch.peer->column.data() + branch.peer->column.size());
    }
  return picks;
}

// The slope of the loss when `values` move along `direction`, by central differences.
double slope(Context& ctx, Model& model, model::Activations& saved, const std::vector<std::int32_t>& tokens, bool training,
             const std::vector<float*>& values, const std::vector<float>& direction) {
  std::vector<float> old;
  for (const float* v : values) old.push_back(*v);
  const auto at = [&](double distance) {
    for (std::size_t i = 0; i < values.size(); ++i) *values[i] = old[i] + static_cast<float>(distance * direction[i]);
    return loss(ctx, model, saved, tokens, training);
  };
  at(0);
  const std::vector<std::int32_t> picks = retrieved(saved);
  double result = std::nan("");
  for (double step = 4e-3; step > 2e-4 && std::isnan(result); step /= 2) {
    const double above = at(step);
    if (retrieved(saved) != picks) continue;
    const double below = at(-step);
    if (retrieved(saved) == picks) result = (above - below) / (2 * step);
  }
  for (std::size_t i = 0; i < values.size(); ++i) *values[i] = old[i];
  return result;
}

struct Tensor {
  std::string name;
  std::vector<float*> values;
  std::vector<float> gradient;
};

// Every tensor that can be trained, with its gradient; the experts of a layer are one, those that were handed no gradient among them.
std::vector<Tensor> tensors_with_gradients(Context& ctx, Model& model, model::Activations& saved, const std::vector<std::int32_t>& tokens,
                                           bool training, const std::vector<int>& views) {
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<float>> rows;  // (block, expert)
  std::vector<float> nll(saved.tokens);
  for (const int v : views) model.parameters(v).zero_gradients(ctx);
  model.forward(ctx, {tokens.data(), saved.tokens}, saved, training);
  ops::cross_entropy_with_gradient(
      ctx, {.logits = saved.logits_view(), .target = {tokens.data() + 1, saved.tokens}, .scale = 1, .nll = {nll.data(), saved.tokens}});
  model.backward(ctx, {tokens.data(), saved.tokens}, saved,
                 [&](layers::PeerBlock& block, View<const std::int64_t, 1> expert, View<float, 2> gradient) {
                   for (std::int64_t c = 0; c < expert.shape[0]; ++c)
                     rows[{block.id().value, expert[c]}].assign(gradient.row(c), gradient.row(c) + gradient.shape[1]);
                 });
  std::vector<Tensor> tensors;
  for (const int v : views) {
    for (auto& p : model.parameters(v)) {
      if (!p->trainable()) continue;
      Tensor tensor{p->name, {}, {p->gradient.data(), p->gradient.data() + p->size()}};
      for (std::int64_t i = 0; i < p->size(); ++i) tensor.values.push_back(p->write().data() + i);
      tensors.push_back(std::move(tensor));
    }
    model.for_each_block(v, [&](layers::PeerBlock& block, int layer) {
      Tensor tensor{"experts of view " + std::to_string(v) + ", layer " + std::to_string(layer), {}, {}};
      for (std::int64_t e = 0; e < block.experts().count(); ++e)
        for (std::int64_t f = 0; f < 2 * block.experts().width(); ++f) {
          const auto row = rows.find({block.id().value, e});
          tensor.values.push_back(block.experts().owned_parameters(e) + f);
          tensor.gradient.push_back(row == rows.end() ? 0.0f : row->second[static_cast<std::size_t>(f)]);
        }
      tensors.push_back(std::move(tensor));
    });
  }
  return tensors;
}

// Along its own gradient a loss must rise by the gradient's norm, and where the gradient is zero it must not change but for rounding. False
// when retrieval changes within any step that single precision can resolve, so that no difference can be taken.
bool agrees_with_differences(Context& ctx, Model& model, model::Activations& saved, const std::vector<std::int32_t>& tokens, bool training,
                             const Tensor& tensor) {
  double norm = 0;
  for (const float g : tensor.gradient) norm += static_cast<double>(g) * g;
  norm = std::sqrt(norm);
  INFO(tensor.name << " norm " << norm);
  REQUIRE(std::isfinite(norm));
  REQUIRE(norm > 1e-4);  // a gradient of zero would pass any check
  std::vector<float> direction;
  for (const float g : tensor.gradient) direction.push_back(static_cast<float>(g / norm));
  const double along = slope(ctx, model, saved, tokens, training, tensor.values, direction);
  if (std::isnan(along)) return false;
  CHECK(along == Approx(norm).epsilon(0.03).margin(0.01));

  const Random random(11, Purpose::kTest);
  std::vector<float*> untouched;
  std::vector<float> sign;
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    if (tensor.gradient[i] != 0) continue;
    untouched.push_back(tensor.values[i]);
    sign.push_back(random.below(i, 2) == 0 ? -1.0f : 1.0f);
  }
  if (untouched.empty()) return true;
  const double across = slope(ctx, model, saved, tokens, training, untouched, sign);
  if (std::isnan(across)) return false;
  CHECK(std::abs(across) < 2e-3 * norm);  // not 0 alone: the gradient of a saturated activation rounds to zero
  return true;
}

void check_every_gradient(model::ModelOptions options, bool training, const model::DeltaOptions& delta = test::tiny_delta()) {
  constexpr std::uint64_t kTexts = 30;
  Context ctx({}, 2);
  Model model(options, 3);
  model.create_experts();
  test::randomise(model, 0, 0.05f);
  const int view = model.add_view(0, delta, "x", true);
  test::randomise(model, view, 0.2f);
  model.set_trainable(0, true);
  model.set_trainable(view, true);
  if (!training) {
    for (const int v : {0, view}) model.for_each_block(v, [](layers::PeerBlock& b, int) { b.set_statistics(ops::Statistics::kFrozen); });
  }
  model::Activations saved(model, view, 2, 16, true);
  std::set<std::string> checked;
  std::size_t count = 0;
  for (std::uint64_t text = 1; text <= kTexts && (text == 1 || checked.size() < count); ++text) {
    const auto tokens = test::tiny_tokens(saved.tokens + 1, options.vocabulary, text);
    const auto tensors = tensors_with_gradients(ctx, model, saved, tokens, training, {0, view});
    count = tensors.size();
    for (const Tensor& tensor : tensors)
      if (!checked.contains(tensor.name) && agrees_with_differences(ctx, model, saved, tokens, training, tensor))
        checked.insert(tensor.name);
  }
  CHECK(checked.size() == count);  // every tensor with one text or another
}

}  // namespace

TEST_CASE("every gradient of the whole model, base and grown, agrees with finite differences") {
  model::ModelOptions options = test::tiny_options();
  SECTION("batch norm with frozen statistics") { check_every_gradient(options, false); }
  SECTION("batch norm with the batch's own statistics") { check_every_gradient(options, true); }
  SECTION("PEER in place of the feed-forward, per-head sub-keys, sigmoid gates, ReLU experts, layer norm") {
    options.peer_beside = false;
    options.peer.shared_sub_keys = false;
    options.peer.gate = GateKind::kSigmoid;
    options.peer.activation = ActivationKind::kRelu;
    options.peer.query_norm = QueryNormKind::kLayer;
    check_every_gradient(options, true);
  }
  SECTION("biases of the attention maps") {
    options.attention_bias = layers::AttentionBias::kQkvo;
    check_every_gradient(options, false);
  }
  SECTION("heads of their own width, with norms of queries and keys") {
    options.head_width = 6, options.query_key_norm = layers::QueryKeyNorm::kRms;
    check_every_gradient(options, false);
  }
  SECTION("one table as embedding and head") {
    options.tied_embeddings = true;
    check_every_gradient(options, true);
  }
  SECTION("adapters on the feed-forward maps, and a residual scale") {
    model::DeltaOptions delta = test::tiny_delta();
    delta.feed_forward_rank = 3, delta.residual_scale = 1.5;
    check_every_gradient(options, true, delta);
  }
  SECTION("from the second block on") {
    model::DeltaOptions delta = test::tiny_delta();
    delta.first_layer = 1, delta.feed_forward_rank = 3;
    check_every_gradient(options, true, delta);
  }
  SECTION("low-rank changes of embedding and head") {
    model::DeltaOptions delta = test::tiny_delta();
    delta.vocabulary_rank = 3;
    check_every_gradient(options, true, delta);
  }
  SECTION("scaled rotary positions") {
    options.rope_theta = 10, options.rope_scaling = {.factor = 3, .original_context = 16};
    check_every_gradient(options, true);
  }
  SECTION("RMS query norm, and no query norm with one head a group") {
    options.peer.query_norm = QueryNormKind::kRms;
    check_every_gradient(options, true);
    options.peer.query_norm = QueryNormKind::kNone;
    options.kv_heads = 4;
    check_every_gradient(options, true);
  }
}

TEST_CASE("a grown view computes the parent's logits bit for bit until it is trained") {
  Context ctx({}, 2);
  model::DeltaOptions delta = test::tiny_delta();
  SECTION("as it is by default") {}
  SECTION("with cloned routers") { delta.annex_sub_keys = model::SubKeys::kClones; }
  SECTION("with adapters on the feed-forward maps") { delta.feed_forward_rank = 3; }
  SECTION("with a residual scale") { delta.residual_scale = 0.3; }
  SECTION("with low-rank changes of embedding and head") { delta.vocabulary_rank = 3; }
  Model model(test::tiny_options(), 5);
  model.create_experts();
  test::randomise(model, 0, 0.1f);
  const auto tokens = test::tiny_tokens(64, 257);
  const auto before = test::logits_of(ctx, model, 0, tokens, 16);
  const int first = model.add_view(0, delta, "first", true);
  CHECK(test::logits_of(ctx, model, first, tokens, 16) == before);
  test::randomise(model, first, 0.1f);
  const auto trained = test::logits_of(ctx, model, first, tokens, 16);
  CHECK(trained != before);
  const int second = model.add_view(first, delta, "second", true);
  CHECK(test::logits_of(ctx, model, second, tokens, 16) == trained);
}

TEST_CASE("an old view's logits do not change when views are grown and trained after it") {
  Context ctx({}, 2);
  Model model(test::tiny_options(), 5);
  model.create_experts();
  const auto tokens = test::tiny_tokens(64, 257);
  const int first = model.add_view(0, test::tiny_delta(), "first", true);
  test::randomise(model, first, 0.1f);
  const auto base = test::logits_of(ctx, model, 0, tokens, 16), old = test::logits_of(ctx, model, first, tokens, 16);
  for (const int parent : {first, 0}) test::randomise(model, model.add_view(parent, test::tiny_delta(), "later", true), 0.5f);
  CHECK(test::logits_of(ctx, model, 0, tokens, 16) == base);
  CHECK(test::logits_of(ctx, model, first, tokens, 16) == old);
}

TEST_CASE("extending the base's grids changes no logit and no old row until the sub-keys are opened") {
  Context ctx({}, 2);
  model::ModelOptions options = test::tiny_options();
  options.peer.shared_sub_keys = GENERATE(true, false);
  Model model(options, 5);
  model.create_experts();
  const auto tokens = test::tiny_tokens(64, 257);
  const auto before = test::logits_of(ctx, model, 0, tokens, 16);
  std::vector<std::vector<float>> rows;
  model.for_each_block(0, [&](layers::PeerBlock& b, int) {
    for (std::int64_t e = 0; e < 36; ++e) rows.emplace_back(b.experts().parameters(e), b.experts().parameters(e) + 32);
  });
  model.extend(9);
  CHECK(test::logits_of(ctx, model, 0, tokens, 16) == before);
  model.for_each_block(0, [&](layers::PeerBlock& b, int) {
    CHECK(b.experts().count() == 81);
    for (std::int64_t e = 0; e < 36; ++e) CHECK(std::equal(rows[e].begin(), rows[e].end(), b.experts().parameters(e)));
  });
  model.open_all();
  CHECK(test::logits_of(ctx, model, 0, tokens, 16) != before);  // new sub-keys compete from now on
}

TEST_CASE("two runs of the same forward give the same bits, and so do activations that keep and that share") {
  Context ctx({}, 2);
  Model model(test::tiny_options(), 5);
  model.create_experts();
  const auto tokens = test::tiny_tokens(64, 257);
  const auto shared = test::logits_of(ctx, model, 0, tokens, 16);
  model::Activations keep(model, 0, 4, 16, true);
  model.forward(ctx, {tokens.data(), 64}, keep, false);
  CHECK(std::equal(shared.begin(), shared.end(), keep.logits.data()));
}

TEST_CASE("the cost of a preset is what its tensors add up to") {
  const model::Preset& tiny = model::preset("tiny");
  Model model(tiny.model, 0);
  model.create_experts();
  const model::ModelCost cost = model::cost_of(tiny.model);
  CHECK(model.base().count() == cost.dense_parameters);
  std::int64_t experts = 0;
  model.for_each_block(0, [&](layers::PeerBlock& b, int) { experts += b.experts().count(); });
  CHECK(experts == cost.experts);
  const int view = model.add_view(0, tiny.delta, "x", true);
  CHECK(model.parameters(view).count() == model::cost_of(tiny.model, tiny.delta).dense_parameters);
  model::DeltaOptions adapted = tiny.delta;
  adapted.feed_forward_rank = 5;
  CHECK(model.parameters(model.add_view(0, adapted, "y", true)).count() == model::cost_of(tiny.model, adapted).dense_parameters);
  adapted.vocabulary_rank = 3;
  CHECK(model.parameters(model.add_view(0, adapted, "z", true)).count() == model::cost_of(tiny.model, adapted).dense_parameters);
  CHECK(model::cost_of(model::preset("small").model).experts == 65536);
  CHECK(model::cost_of(model::preset("base").model).experts == 1048576);
  CHECK(cost.active_parameters > 1'000'000);
  CHECK(cost.active_parameters < 2'000'000);
  CHECK(model::cost_of(model::preset("small").model).active_parameters == Approx(10e6).epsilon(0.2));
  CHECK(model::cost_of(model::preset("base").model).active_parameters == Approx(100e6).epsilon(0.2));
}

TEST_CASE("the products of a forward pass are those of the matrices on its path") {
  Context ctx(Device{}, 1);
  Model model(test::tiny_options(), 5);
  model.create_experts();
  Profile profile;
  const auto tokens = test::tiny_tokens(32, 257);
  {
    const TimedStep step(ctx, &profile);
    test::logits_of(ctx, model, 0, tokens, 16);
  }
  double flops = 0;
  for (const auto& parameter : model.parameters(0))
    if (parameter->shape.size() == 2 && parameter->name != "model.embed_tokens.weight")
      flops += 2.0 * 32 * static_cast<double>(parameter->size());
  for (const Profile::Entry& entry : profile.entries()) {
    CAPTURE(std::string(entry.name));
    if (entry.name == "gemm") CHECK(entry.work.flops == flops);
    CHECK(entry.work.bytes > 0);
  }
}

TEST_CASE("a retired view is gone with its experts; the views beside it compute what they did, and its name stays taken") {
  Context ctx;
  Model m(test::tiny_options(), 1);
  m.create_experts();
  for (int view : {1, 2}) {
    m.add_view(0, test::tiny_delta(), "", true);
    m.set_trainable(view, true);
    test::randomise(m, view, 0.1f, static_cast<std::uint64_t>(view));
  }
  m.add_view(1, test::tiny_delta(), "", true);
  const auto tokens = test::tiny_tokens(16, 257);
  const auto before = test::logits_of(ctx, m, 2, tokens, 16);
  CHECK_THROWS_AS(m.retire(1), ContractError);  // view 3 grew on it
  CHECK_THROWS_AS(m.retire(0), ContractError);
  m.retire(3);
  m.retire(1);
  CHECK(m.retired(1));
  CHECK_FALSE(m.retired(2));
  CHECK(m.parameters(1).count() == 0);
  int blocks = 0;
  m.for_each_block(1, [&](layers::PeerBlock&, int) { ++blocks; });
  CHECK(blocks == 0);
  CHECK(test::logits_of(ctx, m, 2, tokens, 16) == before);
  CHECK(m.view(m.add_view(0, test::tiny_delta(), "", true)).name == "v4");
}

TEST_CASE(
    "shared activations compute what kept ones do, also where only a later layer has an annex; a watch sees each block's picks once") {
  Context ctx;
  Model m(test::tiny_options(), 1);
  m.create_experts();
  model::DeltaOptions delta = test::tiny_delta();
  delta.annex_layers = {1};
  m.add_view(m.add_view(0, delta, "one", true), test::tiny_delta(), "two", true);
  for (int view = 0; view < 3; ++view) test::randomise(m, view, 0.3f, static_cast<std::uint64_t>(view + 1));
  const auto tokens = test::tiny_tokens(32, 257);
  model::Activations shared(m, 2, 2, 16, false), kept(m, 2, 2, 16, true);
  std::map<std::pair<int, int>, std::vector<std::int64_t>> seen;
  shared.watch = [&](int view, int layer, const layers::PeerBlock& block, const layers::PeerActivations& picks) {
    CHECK(picks.id.size() == 32 * block.picks());
    CHECK(seen[{view, layer}].empty());
    seen[{view, layer}].assign(picks.id.data(), picks.id.data() + picks.id.size());
  };
  m.forward(ctx, {tokens.data(), 32}, shared, false);
  m.forward(ctx, {tokens.data(), 32}, kept, false);
  for (std::int64_t i = 0; i < shared.logits.size(); ++i) REQUIRE(shared.logits[i] == kept.logits[i]);
  REQUIRE(seen.size() == 1 + 1 + 2);  // the base's PEER layer, one annex of the first view, two of the second
  for (const auto& [place, ids] : seen) {
    const auto& [view, layer] = place;
    const auto& peer = kept.blocks[static_cast<std::size_t>(layer)].branches[static_cast<std::size_t>(view)].peer;
    for (std::size_t i = 0; i < ids.size(); ++i) REQUIRE(ids[i] == peer->id[static_cast<std::int64_t>(i)]);
  }
}
