#include "peer/layers/parameter.h"

#include <numeric>

#include "peer/base/error.h"
#include "peer/device/rounded_gemm.h"
#include "peer/layers/linear.h"
#include "tests/support/catch.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::layers;

namespace {

constexpr std::int64_t kOutputs = 5, kInputs = 7;

// A map, and what products make of it, for one token and for several; `scale` times what it was at first.
struct Map {
  Context ctx{Device{}, 1};
  PrecisionScope precision{ctx, Precision::kBf16};
  Parameters parameters;
  Parameter& weight = parameters.add("weight", {kOutputs, kInputs}, ParameterGroup::kTrunk);
  Buffer<float> first = test::random_normal(kOutputs * kInputs, 1), x = test::random_normal(3 * kInputs, 2), y{3 * kOutputs},
                dx{3 * kInputs};

  Map() { scale(1); }
  void scale(float factor) {
    Buffer<float>& numbers = weight.write();
    for (std::int64_t i = 0; i < first.size(); ++i) numbers[i] = factor * first[i];
  }
  std::vector<float> products() {
    std::vector<float> all;
    for (const std::int64_t n : {1, 3}) {
      linear(ctx, x.view(n, kInputs), weight, 0, y.view(n, kOutputs));
      linear_backward(ctx, x.view(n, kInputs), y.view(n, kOutputs), weight, 0, dx.view(n, kInputs));
      all.insert(all.end(), y.data(), y.data() + n * kOutputs);
      all.insert(all.end(), dx.data(), dx.data() + n * kInputs);
    }
    return all;
  }
  // Of a map that holds the same numbers and was never multiplied before.
  std::vector<float> products_anew() const {
    Map other;
    std::copy_n(weight.value().data(), weight.size(), other.weight.write().data());
    return other.products();
  }
};

}  // namespace

TEST_CASE("a tensor grows along one axis: old values keep their index, new ones are zero") {
  Parameters parameters;
  Parameter& p = parameters.add("keys", {2, 3, 4}, ParameterGroup::kRouter);
  std::iota(p.write().data(), p.write().data() + 24, 1.0f);
  parameters.grow(p, {2, 5, 4});
  for (int s = 0; s < 2; ++s)
    for (int i = 0; i < 5; ++i)
      for (int d = 0; d < 4; ++d) CHECK(p.value()[(s * 5 + i) * 4 + d] == (i < 3 ? static_cast<float>((s * 3 + i) * 4 + d + 1) : 0.0f));
}

TEST_CASE("gradients and moments exist only while a tensor is trainable, and statistics never get any") {
  Parameters parameters;
  Parameter& weight = parameters.add("weight", {3, 2}, ParameterGroup::kTrunk);
  Parameter& mean = parameters.add("mean", {3}, ParameterGroup::kStatistics);
  parameters.set_trainable(true);
  CHECK(weight.gradient.size() == 6);
  CHECK_FALSE(mean.trainable());
  parameters.set_trainable(false);
  CHECK(weight.m.empty());
  CHECK(parameters.count() == 9);
}

TEST_CASE("the first product in bf16 of a frozen tensor rounds it, and the others take that copy") {
  Map map;
  CHECK(map.weight.copy_bytes() == 0);
  const auto once = map.products();
  CHECK(map.weight.copy_bytes() == static_cast<std::int64_t>(kOutputs * kInputs * sizeof(Bfloat16)));
  const auto changes = map.weight.copy_changes();
  CHECK(map.products() == once);
  CHECK(map.weight.copy_changes() == changes);
}

TEST_CASE("a product in fp32 makes no copy, and takes none") {
  Map map;
  map.products();
  map.ctx.set_precision(Precision::kFp32);
  Map other;
  other.ctx.set_precision(Precision::kFp32);
  CHECK(map.products() == other.products());
  CHECK(other.weight.copy_changes() == 0);
}

TEST_CASE("a tensor that is written after it was rounded is rounded anew") {
  Map map;
  const auto before = map.products();
  SECTION("in place") { map.scale(2); }
  SECTION("by other memory") { map.weight.write() = test::random_normal(kOutputs * kInputs, 9); }
  SECTION("when it grows") { map.parameters.grow(map.weight, {kOutputs, kInputs + 2}); }
  CHECK(map.weight.copy_bytes() == 0);
  if (map.weight.shape[1] != kInputs) return;
  const auto after = map.products();
  CHECK(after != before);
  CHECK(after == map.products_anew());
}

TEST_CASE("a tensor that is trained has no copy, whenever it is written") {
  Map map;
  map.products();
  set_trainable(map.weight, true);
  CHECK(map.weight.copy_bytes() == 0);
  float* kept = map.weight.write().data();  // as an optimizer on a device keeps it
  for (const float step : {0.5f, 0.25f}) {
    map.products();
    CHECK(map.weight.copy_bytes() == 0);
    kept[0] += step;
    CHECK(map.products() == map.products_anew());
  }
  kept[1] += 1;
  set_trainable(map.weight, false);
  CHECK(map.products() == map.products_anew());
  CHECK(map.weight.copy_bytes() > 0);
}

TEST_CASE("two tensors cannot share a name") {
  Parameters parameters;
  parameters.add("weight", {3}, ParameterGroup::kTrunk);
  CHECK_THROWS_AS(parameters.add("weight", {3}, ParameterGroup::kTrunk), peer::ContractError);
}
