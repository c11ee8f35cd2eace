#include "peer/layers/attention_layer.h"

#include <algorithm>
#include <map>
#include <string>

#include "tests/reference/dense_ops.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;
using layers::AttentionBias;
using layers::QueryKeyNorm;
using reference::Numbers;

namespace {

constexpr std::int64_t kBatch = 2, kTime = 5, kTokens = kBatch * kTime, kWidth = 8, kHeads = 4, kKvHeads = 2;
constexpr std::int64_t kRanks[] = {2};

layers::AttentionShape shape_with(AttentionBias bias, std::int64_t head = kWidth / kHeads, QueryKeyNorm norm = QueryKeyNorm::kNone) {
  return {.width = kWidth,
          .heads = kHeads,
          .kv_heads = kKvHeads,
          .head_width = head,
          .rope_theta = 100,
          .bias = bias,
          .norm = norm,
          .norm_epsilon = 0.01};
}

// An attention layer and one generation of adapters on it.
struct Adapted {
  layers::Parameters parameters;
  layers::AttentionLayer layer;
  layers::AttentionAdapters low;
  std::vector<const layers::AttentionAdapters*> adapters = {&low};
  layers::AttentionActivations saved, work;
  Buffer<float> x = random_normal(kTokens * kWidth, 1), dy = random_normal(kTokens * kWidth, 2);
  Buffer<float> y{kTokens * kWidth}, dx{kTokens * kWidth};

  explicit Adapted(const layers::AttentionShape& shape)
      : layer(parameters, "attention", shape, 0.3, 1),
        low(parameters, "v1", shape, kRanks[0], 1),
        saved(Device{}, kBatch, kTime, shape, kRanks),
        work(Device{}, kBatch, kTime, shape, kRanks) {}
  explicit Adapted(AttentionBias bias) : Adapted(shape_with(bias)) {}
  void randomise() {
    std::uint32_t subject = 10;
    for (auto& parameter : parameters) parameter->write() = random_normal(parameter->size(), subject++, 0.5);
  }
  void forward(Context& ctx) { layer.forward(ctx, x.view(kTokens, kWidth), kTime, adapters, saved, y.view(kTokens, kWidth)); }
  void backward(Context& ctx) {
    layer.backward(ctx, x.view(kTokens, kWidth), kTime, adapters, saved, dy.view(kTokens, kWidth), work, dx.view(kTokens, kWidth));
  }
};

// The same in double precision, from the formulas.
struct Oracle {
  std::map<std::string, Numbers> tensors;
  Numbers x;
  layers::AttentionShape shape;

  explicit Oracle(const Adapted& a) : x(to_doubles(a.x)), shape(a.layer.shape()) {
    for (const auto& parameter : a.parameters) tensors[parameter->name] = to_doubles(parameter->value());
  }
  static Numbers product(const Numbers& x, const Numbers& weight, std::int64_t inputs) {
    const auto outputs = static_cast<std::int64_t>(weight.size()) / inputs;
    Numbers y(static_cast<std::size_t>(kTokens * outputs));
    for (std::int64_t n = 0; n < kTokens; ++n)
      for (std::int64_t o = 0; o < outputs; ++o)
        for (std::int64_t i = 0; i < inputs; ++i)
          y[static_cast<std::size_t>(n * outputs + o)] +=
              x[static_cast<std::size_t>(n * inputs + i)] * weight[static_cast<std::size_t>(o * inputs + i)];
    return y;
  }
  Numbers map(const std::string& name, const Numbers& input) const {
    const auto inputs = static_cast<std::int64_t>(input.size()) / kTokens;
    Numbers y = product(input, tensors.at("attention." + name + ".weight"), inputs);
    const Numbers low = product(input, tensors.at("v1." + name + ".lora_A.weight"), inputs);
    const Numbers change = product(low, tensors.at("v1." + name + ".lora_B.weight"), kRanks[0]);
    for (std::size_t i = 0; i < y.size(); ++i) y[i] += change[i];
    const auto bias = tensors.find("attention." + name + ".bias");
    return bias == tensors.end() ? y : reference::bias(y, bias->second);
  }
  Numbers rotated(const std::string& name, std::int64_t heads) const {
    const std::int64_t d = shape.head_width;
    const auto norm = tensors.find("attention." + name + "_norm.weight");
    Numbers y = map(name + "_proj", x);
    if (norm != tensors.end()) y = reference::rms_norm(y, norm->second, shape.norm_epsilon);
    return reference::rotary(y, {kBatch, kTime, heads, d}, 0, reference::rotary_frequencies(d, 100), false);
  }
  Numbers y() const {
    const Numbers q = rotated("q", kHeads), k = rotated("k", kKvHeads);
    return map("o_proj", reference::attention(q, k, map("v_proj", x), {kBatch, kTime, kHeads, kKvHeads, shape.head_width}).y);
  }
};

std::int64_t numbers_in(const Adapted& a, const std::string& end_of_name) {
  std::int64_t numbers = 0;
  for (const auto& parameter : a.parameters)
    if (parameter->name.ends_with(end_of_name)) numbers += parameter->size();
  return numbers;
}

void check_against_oracle(const layers::AttentionShape& shape) {
  Context ctx;
  Adapted a(shape);
  a.randomise();
  a.parameters.set_trainable(true);
  a.forward(ctx);
  a.backward(ctx);
  Oracle oracle(a);
  CHECK(relative_error(a.y, oracle.y()) < 1e-5);
  const Numbers dy = to_doubles(a.dy);
  const auto loss = [&] { return inner_product(dy, oracle.y()); };
  CHECK(relative_error(a.dx, finite_differences(oracle.x, loss)) < 2e-5);
  for (const auto& parameter : a.parameters) {
    INFO(parameter->name);
    // A bias of keys adds the same to all scores of a query where nothing is rotated: its gradient is small.
    CHECK(relative_error(parameter->gradient, finite_differences(oracle.tensors.at(parameter->name), loss), 0.1) < 2e-5);
  }
}

}  // namespace

TEST_CASE("attention agrees with the oracle whichever maps have biases, and its gradients with the oracle's differences") {
  for (const AttentionBias bias : {AttentionBias::kNone, AttentionBias::kQkv, AttentionBias::kQkvo}) {
    CAPTURE(to_text(bias));
    check_against_oracle(shape_with(bias));
  }
}

TEST_CASE("attention agrees with the oracle whatever the width of its heads, with norms of queries and keys and without") {
  for (const std::int64_t head : {2, 4, 6})
    for (const QueryKeyNorm norm : {QueryKeyNorm::kNone, QueryKeyNorm::kRms}) {
      CAPTURE(head, to_text(norm));
      check_against_oracle(shape_with(AttentionBias::kNone, head, norm));
    }
  check_against_oracle(shape_with(AttentionBias::kQkvo, 4, QueryKeyNorm::kRms));  // biases are what is normed too
}

TEST_CASE("an attention layer has the biases that were asked for, and new ones change no bit") {
  Context ctx;
  Adapted none(AttentionBias::kNone), inputs(AttentionBias::kQkv), all(AttentionBias::kQkvo);
  constexpr std::int64_t kKv = kKvHeads * kWidth / kHeads;
  CHECK(numbers_in(none, ".bias") == 0);
  CHECK(numbers_in(inputs, ".bias") == kWidth + 2 * kKv);
  CHECK(numbers_in(all, ".bias") == 2 * kWidth + 2 * kKv);
  none.forward(ctx), inputs.forward(ctx), all.forward(ctx);
  CHECK(same_bits(inputs.y, none.y));
  CHECK(same_bits(all.y, none.y));
}

TEST_CASE("frozen biases and norms get no gradient and leave the gradient of what lies below as it is") {
  Context ctx;
  const layers::AttentionShape shape = shape_with(AttentionBias::kQkvo, 4, QueryKeyNorm::kRms);
  Adapted frozen(shape), trained(shape);
  frozen.randomise(), trained.randomise();
  trained.parameters.set_trainable(true);
  for (Adapted* a : {&frozen, &trained}) {
    for (auto& parameter : a->parameters)
      if (parameter->name.starts_with("v1.")) layers::set_trainable(*parameter, true);
    a->forward(ctx), a->backward(ctx);
  }
  CHECK(frozen.parameters.find("attention.q_proj.bias")->gradient.empty());
  CHECK(frozen.parameters.find("attention.k_norm.weight")->gradient.empty());
  CHECK(same_bits(frozen.dx, trained.dx));
}

TEST_CASE("norms of queries and keys begin at 1, take the rate of the trunk and never decay, and heads are as wide as was asked for") {
  Adapted a(shape_with(AttentionBias::kNone, 6, QueryKeyNorm::kRms));
  CHECK(numbers_in(a, "_norm.weight") == 2 * 6);
  CHECK(numbers_in(Adapted(AttentionBias::kNone), "_norm.weight") == 0);
  for (const char* name : {"attention.q_norm.weight", "attention.k_norm.weight"}) {
    const layers::Parameter& norm = *a.parameters.find(name);
    CHECK(norm.group == layers::ParameterGroup::kTrunk);
    CHECK_FALSE(norm.decays);
    CHECK(std::all_of(norm.value().data(), norm.value().data() + norm.size(), [](float x) { return x == 1; }));
  }
  CHECK(a.parameters.find("attention.q_proj.weight")->shape == std::vector<std::int64_t>{24, kWidth});
  CHECK(a.parameters.find("attention.v_proj.weight")->shape == std::vector<std::int64_t>{12, kWidth});
  CHECK(a.parameters.find("attention.o_proj.weight")->shape == std::vector<std::int64_t>{kWidth, 24});
  CHECK(a.parameters.find("v1.o_proj.lora_A.weight")->shape == std::vector<std::int64_t>{kRanks[0], 24});
}
