#include "peer/layers/attention_layer.h"

#include <map>
#include <string>

#include "tests/reference/dense_ops.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;
using layers::AttentionBias;
using reference::Numbers;

namespace {

constexpr std::int64_t kBatch = 2, kTime = 5, kTokens = kBatch * kTime, kWidth = 8, kHeads = 4, kKvHeads = 2, kHead = 2, kKv = 4;
constexpr std::int64_t kRanks[] = {2};

layers::AttentionShape shape_with(AttentionBias bias) { return {kWidth, kHeads, kKvHeads, 100, {}, bias}; }

// An attention layer and one generation of adapters on it.
struct Adapted {
  layers::Parameters parameters;
  layers::AttentionLayer layer;
  layers::AttentionAdapters low;
  std::vector<const layers::AttentionAdapters*> adapters = {&low};
  layers::AttentionActivations saved, work;
  Buffer<float> x = random_normal(kTokens * kWidth, 1), dy = random_normal(kTokens * kWidth, 2);
  Buffer<float> y{kTokens * kWidth}, dx{kTokens * kWidth};

  explicit Adapted(AttentionBias bias)
      : layer(parameters, "attention", shape_with(bias), 0.3, 1),
        low(parameters, "v1", shape_with(bias), kRanks[0], 1),
        saved(Device{}, kBatch, kTime, shape_with(bias), kRanks),
        work(Device{}, kBatch, kTime, shape_with(bias), kRanks) {}
  void randomise() {
    std::uint32_t subject = 10;
    for (auto& parameter : parameters) parameter->value = random_normal(parameter->size(), subject++, 0.5);
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

  explicit Oracle(const Adapted& a) : x(to_doubles(a.x)) {
    for (const auto& parameter : a.parameters) tensors[parameter->name] = to_doubles(parameter->value);
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
    Numbers y = product(input, tensors.at("attention." + name + ".weight"), kWidth);
    const Numbers low = product(input, tensors.at("v1." + name + ".lora_A.weight"), kWidth);
    const Numbers change = product(low, tensors.at("v1." + name + ".lora_B.weight"), kRanks[0]);
    for (std::size_t i = 0; i < y.size(); ++i) y[i] += change[i];
    const auto bias = tensors.find("attention." + name + ".bias");
    return bias == tensors.end() ? y : reference::bias(y, bias->second);
  }
  Numbers y() const {
    const Numbers q =
        reference::rotary(map("q_proj", x), {kBatch, kTime, kHeads, kHead}, 0, reference::rotary_frequencies(kHead, 100), false);
    const Numbers k =
        reference::rotary(map("k_proj", x), {kBatch, kTime, kKvHeads, kHead}, 0, reference::rotary_frequencies(kHead, 100), false);
    return map("o_proj", reference::attention(q, k, map("v_proj", x), {kBatch, kTime, kHeads, kKvHeads, kHead}).y);
  }
};

std::int64_t biases_of(const Adapted& a) {
  std::int64_t numbers = 0;
  for (const auto& parameter : a.parameters)
    if (parameter->name.ends_with(".bias")) numbers += parameter->size();
  return numbers;
}

}  // namespace

TEST_CASE("attention agrees with the oracle whichever maps have biases, and its gradients with the oracle's differences") {
  Context ctx;
  for (const AttentionBias bias : {AttentionBias::kNone, AttentionBias::kQkv, AttentionBias::kQkvo}) {
    CAPTURE(to_text(bias));
    Adapted a(bias);
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
}

TEST_CASE("an attention layer has the biases that were asked for, and new ones change no bit") {
  Context ctx;
  Adapted none(AttentionBias::kNone), inputs(AttentionBias::kQkv), all(AttentionBias::kQkvo);
  CHECK(biases_of(none) == 0);
  CHECK(biases_of(inputs) == kWidth + 2 * kKv);
  CHECK(biases_of(all) == 2 * kWidth + 2 * kKv);
  none.forward(ctx), inputs.forward(ctx), all.forward(ctx);
  CHECK(same_bits(inputs.y, none.y));
  CHECK(same_bits(all.y, none.y));
}

TEST_CASE("frozen biases get no gradient and leave the gradient of what lies below as it is") {
  Context ctx;
  Adapted frozen(AttentionBias::kQkvo), trained(AttentionBias::kQkvo);
  frozen.randomise(), trained.randomise();
  trained.parameters.set_trainable(true);
  for (Adapted* a : {&frozen, &trained}) {
    for (auto& parameter : a->parameters)
      if (parameter->name.starts_with("v1.")) layers::set_trainable(*parameter, true);
    a->forward(ctx), a->backward(ctx);
  }
  CHECK(frozen.parameters.find("attention.q_proj.bias")->gradient.empty());
  CHECK(same_bits(frozen.dx, trained.dx));
}
