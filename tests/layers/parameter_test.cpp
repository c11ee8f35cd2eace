#include "peer/layers/parameter.h"

#include <numeric>

#include "peer/base/error.h"
#include "tests/support/catch.h"

using namespace peer::layers;

TEST_CASE("a tensor grows along one axis: old values keep their index, new ones are zero") {
  Parameters parameters;
  Parameter& p = parameters.add("keys", {2, 3, 4}, ParameterGroup::kRouter);
  std::iota(p.value.data(), p.value.data() + 24, 1.0f);
  parameters.grow(p, {2, 5, 4});
  for (int s = 0; s < 2; ++s)
    for (int i = 0; i < 5; ++i)
      for (int d = 0; d < 4; ++d) CHECK(p.value[(s * 5 + i) * 4 + d] == (i < 3 ? static_cast<float>((s * 3 + i) * 4 + d + 1) : 0.0f));
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

TEST_CASE("two tensors cannot share a name") {
  Parameters parameters;
  parameters.add("weight", {3}, ParameterGroup::kTrunk);
  CHECK_THROWS_AS(parameters.add("weight", {3}, ParameterGroup::kTrunk), peer::ContractError);
}
