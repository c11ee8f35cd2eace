#include "trainer/strategies/teacher.h"

#include <cmath>

#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"

using namespace peer;
using namespace peer::trainer;

TEST_CASE("a student that is still its teacher is at peace; one that moved is pushed back") {
  Context ctx(Device{}, 2);
  model::Model before(test::tiny_options(), 1), after(test::tiny_options(), 1);
  before.create_experts(), after.create_experts();
  const std::vector<std::int32_t> tokens = test::tiny_tokens(32, 257);
  const View<const std::int32_t, 1> token{tokens.data(), 32};
  const int base[] = {0};
  Teacher teacher(before, base, 2, 1, 2);
  model::Activations saved(after, 0, 2, 16, false);
  after.forward(ctx, token, saved, false);
  CHECK(teacher.compare(ctx, token, token, saved.logits_view()) == Approx(0).margin(1e-6));

  after.set_trainable(0, true);
  test::randomise(after, 0, 0.1f);
  after.forward(ctx, token, saved, false);
  const double apart = teacher.compare(ctx, token, token, saved.logits_view());
  CHECK(apart > 1e-3);
  Buffer<float> gradient(saved.logits.size());
  teacher.add_gradient(ctx, gradient.view(32, 257));
  for (std::int64_t i = 0; i < saved.logits.size(); ++i) saved.logits[i] -= 20 * gradient[i];
  CHECK(teacher.compare(ctx, token, token, saved.logits_view()) < apart);
}

TEST_CASE("several views share a batch: each answers for its own rows") {
  Context ctx(Device{}, 1);
  model::Model m(test::tiny_options(), 1);
  m.create_experts();
  m.add_view(0, test::tiny_delta(), "new", true);
  m.set_trainable(1, true);
  test::randomise(m, 1, 0.1f);
  m.set_trainable(1, false);
  const std::vector<std::int32_t> tokens = test::tiny_tokens(48, 257);  // 3 rows
  const View<const std::int32_t, 1> token{tokens.data(), 48};
  model::Activations saved(m, 1, 3, 16, false);
  m.forward(ctx, token, saved, false);
  const int views[] = {0, 1};  // row 0, then rows 1 and 2
  Teacher teacher(m, views, 3, 1, 1);
  CHECK(teacher.compare(ctx, token, token, saved.logits_view()) > 1e-3);
  Buffer<float> gradient(saved.logits.size());
  teacher.add_gradient(ctx, gradient.view(48, 257));
  double first = 0, rest = 0;
  for (std::int64_t i = 0; i < gradient.size(); ++i) (i < 16 * 257 ? first : rest) += std::abs(gradient[i]);
  CHECK(first > 1e-3);
  CHECK(rest < 1e-5);  // view 1 agrees with itself
}
