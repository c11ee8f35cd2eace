#include "trainer/strategies/path_integral.h"

#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"

using namespace peer;
using namespace peer::trainer;

TEST_CASE("on a straight path down a quadratic, synaptic intelligence recovers the diagonal of the Hessian") {
  // Loss 1/2 sum h_i w_i^2 from w = 1 to 0 in small equal steps: the work is h/2, the move 1, the importance h/2.
  model::Model model(test::tiny_options(), 1);
  model.create_experts();
  model.set_trainable(0, true);
  const int base[] = {0};
  layers::Parameter& w = *model.base().find("model.norm.weight");
  for (std::int64_t i = 0; i < w.size(); ++i) w.write()[i] = 1;
  const ParameterField start = ParameterField::weights_of(model, model, base);
  PathIntegral path(model, base);
  constexpr int kSteps = 1000;
  for (int step = 0; step < kSteps; ++step) {
    for (std::int64_t i = 0; i < w.size(); ++i) w.gradient[i] = static_cast<float>(i + 1) * w.value()[i];
    path.before(w);
    w.gradient[0] = 1e9f;  // what a penalty adds later is not work of the loss
    for (std::int64_t i = 0; i < w.size(); ++i) w.write()[i] -= 1.0f / kSteps;
    path.after(w);
  }
  const ParameterField importance = path.importance(start);
  for (std::int64_t i = 0; i < w.size(); ++i) CHECK(importance.of(w)[i] == Approx(0.5 * static_cast<double>(i + 1)).epsilon(2e-3));
  CHECK(importance.of(*model.base().find("lm_head.weight"))[0] == 0);  // what did not move did no work
}

TEST_CASE("the path of an expert is that of its own record") {
  model::Model model(test::tiny_options(), 1);
  model.create_experts();
  model.set_trainable(0, true);
  const int base[] = {0};
  PathIntegral path(model, base);
  model.for_each_block(0, [&](layers::PeerBlock& block, int) {
    const std::int64_t record = 2 * block.experts().width(), expert[] = {2, 9};
    std::vector<float> gradient(2 * record, 3.0f);
    path.before(block, {expert, 2}, {gradient.data(), 2, record});
    for (std::int64_t i = 0; i < record; ++i) block.experts().owned_parameters(9)[i] -= 0.5f;
    path.after(block, {expert, 2});
    for (std::int64_t i = 0; i < record; ++i) {
      CHECK(path.work().of(block)[9 * record + i] == Approx(1.5));
      CHECK(path.work().of(block)[2 * record + i] == 0);
    }
  });
}
