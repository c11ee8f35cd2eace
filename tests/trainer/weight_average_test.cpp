#include "trainer/strategies/weight_average.h"

#include <cmath>

#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"

using namespace peer;
using namespace peer::trainer;

namespace {

struct Moving {
  model::Model model{test::tiny_options(), 1};
  std::vector<int> base = {0};
  layers::Parameter& weights = *model.base().find("model.norm.weight");
  layers::PeerBlock* block = nullptr;

  Moving() {
    model.create_experts();
    model.set_trainable(0, true);
    model.for_each_block(0, [&](layers::PeerBlock& b, int) { block = &b; });
  }
};

}  // namespace

TEST_CASE("the average of weights that rise by one a step is that of the geometric series") {
  // w_n = n:  average_n = (1 - d) sum_{i=1..n} d^(n-i) i = n - d (1 - d^n) / (1 - d)
  for (const double decay : {0.5, 0.9, 0.99}) {
    Moving moving;
    std::fill_n(moving.weights.write().data(), moving.weights.size(), 0.0f);
    WeightAverage average(moving.model, moving.base, decay);
    for (int n = 1; n <= 50; ++n) {
      for (std::int64_t i = 0; i < moving.weights.size(); ++i) moving.weights.write()[i] = static_cast<float>(n);
      average.take_step();
      const double expected = n - decay * (1 - std::pow(decay, n)) / (1 - decay);
      CHECK(average.average().of(moving.weights)[3] == Approx(expected).epsilon(1e-4));
    }
  }
}

TEST_CASE("what does not move is its own average, and what starts elsewhere decays towards the weights") {
  Moving moving;
  const ParameterField start = ParameterField::weights_of(moving.model, moving.model, moving.base);
  WeightAverage average(moving.model, moving.base, 0.9);
  float* moved = moving.block->experts().owned_parameters(7);
  const float from = moved[0];
  moved[0] += 1;
  for (int n = 0; n < 10; ++n) average.take_step();
  CHECK(average.average().of(*moving.block)[7 * 2 * moving.block->experts().width()] == Approx(from + 1 - std::pow(0.9, 10)));
  moved[0] = from;
  const std::span<const float> same = average.average().of(moving.weights), before = start.of(moving.weights);
  CHECK(std::equal(same.begin(), same.end(), before.begin()));
}

TEST_CASE("a blend with a share of 1 has the bits of the other weights, with 0 those of its own") {
  Moving moving;
  const ParameterField start = ParameterField::weights_of(moving.model, moving.model, moving.base);
  test::randomise(moving.model, 0, 0.3f);
  const ParameterField after = ParameterField::weights_of(moving.model, moving.model, moving.base);
  const auto same = [](ParameterField a, const ParameterField& b) {
    double apart = 0;
    a.combine(b, [](float x, float y) { return std::abs(x - y); });
    a.for_each([&](std::span<float> numbers, const float*) {
      for (const float number : numbers) apart += number;
    });
    return apart == 0;
  };
  const auto now = [&] { return ParameterField::weights_of(moving.model, moving.model, moving.base); };
  for (std::int64_t page = 0; page < moving.block->experts().page_count(); ++page) moving.block->experts().mark_dirty(page);
  CHECK_FALSE(same(start, after));
  blend(moving.model, moving.base, start, 0);
  CHECK(same(now(), after));
  blend(moving.model, moving.base, start, 1);
  CHECK(same(now(), start));
}
