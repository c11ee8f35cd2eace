#include "trainer/strategies/regulariser.h"

#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"

using namespace peer;
using namespace peer::trainer;

namespace {

// A model of which one dense tensor plays the weights of two quadratic losses.
struct Quadratics {
  model::Model model{test::tiny_options(), 1};
  std::vector<int> base = {0};
  layers::Parameter& weights = *model.base().find("model.norm.weight");

  Quadratics() {
    model.create_experts();
    model.set_trainable(0, true);
  }
  ParameterField field(const std::vector<float>& values) {
    ParameterField field(model, base);
    std::copy(values.begin(), values.end(), field.of(weights).begin());
    return field;
  }
};

}  // namespace

TEST_CASE("with the exact Hessian as importance, descent lands on the joint optimum of two quadratics") {
  // Task A: 1/2 sum h_i (w_i - a_i)^2, learnt first. Task B: 1/2 sum k_i (w_i - b_i)^2. Joint optimum: (h a + k b) / (h + k).
  Quadratics q;
  const auto count = static_cast<std::size_t>(q.weights.size());
  std::vector<float> h, k, a, b, ha;
  for (std::size_t i = 0; i < count; ++i) {
    h.push_back(0.1f * static_cast<float>(i)), k.push_back(1.5f - 0.05f * static_cast<float>(i));
    a.push_back(0.3f * static_cast<float>(i) - 1), b.push_back(2 - 0.2f * static_cast<float>(i));
    ha.push_back(h[i] * a[i]);
  }
  const Regulariser regulariser(1, q.field(h), q.field(ha));
  std::copy(a.begin(), a.end(), q.weights.write().data());
  for (int step = 0; step < 400; ++step) {
    for (std::size_t i = 0; i < count; ++i) q.weights.gradient[i] = k[i] * (q.weights.value()[i] - b[i]);
    regulariser.add_to(q.weights);
    for (std::size_t i = 0; i < count; ++i) q.weights.write()[i] -= 0.3f * q.weights.gradient[i];
  }
  for (std::size_t i = 0; i < count; ++i) CHECK(q.weights.value()[i] == Approx((h[i] * a[i] + k[i] * b[i]) / (h[i] + k[i])).epsilon(1e-5));
}

TEST_CASE("the penalty of an expert pulls its own record and no other") {
  Quadratics q;
  layers::PeerBlock* block = nullptr;
  q.model.for_each_block(0, [&](layers::PeerBlock& b, int) { block = &b; });
  const std::int64_t record = 2 * block->experts().width();
  ParameterField importance(q.model, q.base), pull(q.model, q.base);
  for (std::int64_t i = 0; i < record; ++i) importance.of(*block)[7 * record + i] = 2, pull.of(*block)[7 * record + i] = 3;
  const Regulariser regulariser(0.5, std::move(importance), std::move(pull));
  const std::int64_t expert[] = {3, 7};
  std::vector<float> gradient(2 * record, 1.0f);
  regulariser.add_to(*block, {expert, 2}, {gradient.data(), 2, record});
  for (std::int64_t i = 0; i < record; ++i) {
    CHECK(gradient[i] == 1);
    CHECK(gradient[record + i] == Approx(1 + 0.5 * (2 * block->experts().parameters(7)[i] - 3)));
  }
}

TEST_CASE("a field goes through named tensors and back, and says when the model is another") {
  Quadratics q;
  ParameterField field(q.model, q.base);
  float next = 0;
  field.for_each([&](std::span<float> numbers, const float*) {
    for (float& number : numbers) number = next += 1;
  });
  std::map<std::string, pool::Tensor> tensors;
  for (const pool::TensorView& t : field.tensors()) {
    std::int64_t count = 1;
    for (const std::int64_t extent : t.shape) count *= extent;
    tensors[t.name] = {t.shape, {t.values, t.values + count}};
  }
  ParameterField again(q.model, q.base);
  again.take(tensors, "numbers");
  CHECK(again.mean() == field.mean());
  again.combine(field, [](float a, float b) { return a - b; });
  CHECK(again.mean() == 0);

  model::ModelOptions wider = test::tiny_options();
  wider.feed_forward += 8;
  model::Model other(wider, 1);
  other.create_experts();
  ParameterField misfit(other, q.base);
  CHECK_THROWS_AS(misfit.take(tensors, "numbers"), UsageError);
}
