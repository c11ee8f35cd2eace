#include "peer/layers/feed_forward.h"

#include <map>
#include <string>

#include "tests/reference/dense_ops.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;
using reference::Numbers;

namespace {

constexpr std::int64_t kTokens = 7, kWidth = 6, kHidden = 10, kRanks[] = {2, 3};

// y (N, O) += x (N, I) weight^T
void add_linear(const Numbers& x, const Numbers& weight, std::int64_t inputs, Numbers& y) {
  const auto outputs = static_cast<std::int64_t>(weight.size()) / inputs;
  for (std::int64_t n = 0; n < kTokens; ++n)
    for (std::int64_t o = 0; o < outputs; ++o)
      for (std::int64_t i = 0; i < inputs; ++i)
        y[static_cast<std::size_t>(n * outputs + o)] +=
            x[static_cast<std::size_t>(n * inputs + i)] * weight[static_cast<std::size_t>(o * inputs + i)];
}

// A feed-forward and two generations of adapters on it, every number moved, and the same in double precision.
struct Adapted {
  layers::Parameters parameters;
  layers::FeedForward base{parameters, "mlp", kWidth, kHidden, 0.3, layers::ParameterGroup::kTrunk, 1};
  layers::FeedForwardAdapters first{parameters, "v1.mlp", kWidth, kHidden, kRanks[0], 1};
  layers::FeedForwardAdapters second{parameters, "v2.mlp", kWidth, kHidden, kRanks[1], 1};
  std::vector<const layers::FeedForwardAdapters*> adapters = {&first, &second};
  layers::FeedForwardActivations saved{Device{}, kTokens, kHidden, kRanks}, work{Device{}, kTokens, kHidden, kRanks};
  Buffer<float> x = random_normal(kTokens * kWidth, 1), dy = random_normal(kTokens * kWidth, 2);
  Buffer<float> y{kTokens * kWidth}, dx{kTokens * kWidth};

  void randomise() {
    std::uint32_t subject = 10;
    for (auto& parameter : parameters) parameter->write() = random_normal(parameter->size(), subject++, 0.5);
  }
  void forward(Context& ctx, std::size_t generations) {
    base.forward(ctx, x.view(kTokens, kWidth), {adapters.data(), generations}, saved, y.view(kTokens, kWidth));
  }
};

struct Oracle {
  std::map<std::string, Numbers> tensors;
  Numbers x;

  explicit Oracle(const Adapted& a) : x(to_doubles(a.x)) {
    for (const auto& parameter : a.parameters) tensors[parameter->name] = to_doubles(parameter->value());
  }
  Numbers map(const std::string& name, const Numbers& input, std::int64_t inputs, std::int64_t outputs) const {
    Numbers y(static_cast<std::size_t>(kTokens * outputs));
    add_linear(input, tensors.at("mlp." + name + ".weight"), inputs, y);
    for (const int g : {1, 2}) {
      const std::string prefix = "v" + std::to_string(g) + ".mlp." + name;
      Numbers low(static_cast<std::size_t>(kTokens * kRanks[g - 1]));
      add_linear(input, tensors.at(prefix + ".lora_A.weight"), inputs, low);
      add_linear(low, tensors.at(prefix + ".lora_B.weight"), kRanks[g - 1], y);
    }
    return y;
  }
  Numbers y() const {
    const Numbers product = reference::swiglu(map("gate_proj", x, kWidth, kHidden), map("up_proj", x, kWidth, kHidden));
    return map("down_proj", product, kHidden, kWidth);
  }
};

}  // namespace

TEST_CASE("a feed-forward with adapters of two generations agrees with the oracle, and its gradients with the oracle's differences") {
  Context ctx;
  Adapted a;
  a.randomise();
  a.parameters.set_trainable(true);
  a.forward(ctx, 2);
  a.base.backward(ctx, a.x.view(kTokens, kWidth), a.adapters, a.saved, a.dy.view(kTokens, kWidth), a.work, a.dx.view(kTokens, kWidth));
  Oracle oracle(a);
  CHECK(relative_error(a.y, oracle.y()) < 1e-5);
  const Numbers dy = to_doubles(a.dy);
  const auto loss = [&] { return inner_product(dy, oracle.y()); };
  CHECK(relative_error(a.dx, finite_differences(oracle.x, loss)) < 1e-5);
  for (const auto& parameter : a.parameters) {
    INFO(parameter->name);
    CHECK(relative_error(parameter->gradient, finite_differences(oracle.tensors.at(parameter->name), loss)) < 1e-5);
  }
}

TEST_CASE("new adapters change no bit of a feed-forward") {
  Context ctx;
  Adapted with, without;
  with.forward(ctx, 2);
  without.forward(ctx, 0);
  CHECK(same_bits(with.y, without.y));
}
