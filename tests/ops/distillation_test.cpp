#include "peer/ops/distillation.h"

#include "peer/base/error.h"
#include "tests/reference/dense_ops.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {
struct Case {
  std::int64_t rows, vocabulary;
  Buffer<float> student = random_normal(rows * vocabulary, 1, 3), teacher = random_normal(rows * vocabulary, 2, 3, -5);
  Buffer<std::int32_t> target = filled<std::int32_t>(rows, 0);
  Buffer<float> divergence = filled<float>(rows, -1.0f);

  Case(std::int64_t n, std::int64_t v) : rows(n), vocabulary(v) {
    for (std::int64_t i = 2; i < rows; i += 5) target[i] = -1;
  }
  std::vector<std::int32_t> targets() const { return {target.data(), target.data() + rows}; }
  void run(Context& ctx, float temperature, float scale) {
    ops::distillation(ctx, {.student = student.view(rows, vocabulary),
                            .teacher = teacher.view(rows, vocabulary),
                            .target = target.view(rows),
                            .temperature = temperature,
                            .scale = scale,
                            .divergence = divergence.view(rows)});
  }
};
}  // namespace

TEST_CASE("distillation and its gradient agree with the oracle at any temperature") {
  Context ctx;
  for (const auto& [rows, vocabulary] : {std::pair<std::int64_t, std::int64_t>{1, 1}, {67, 257}, {9, 3}, {4, 5003}})
    for (const double temperature : {0.5, 1.0, 4.0}) {
      Case c(rows, vocabulary);
      const auto student = to_doubles(c.student), teacher = to_doubles(c.teacher);
      c.run(ctx, static_cast<float>(temperature), 0.125f);
      const auto divergence = reference::distillation(student, teacher, c.targets(), temperature);
      for (std::int64_t n = 0; n < rows; ++n) CHECK(c.divergence[n] == Approx(divergence[n]).epsilon(1e-5).margin(1e-5));
      const auto gradient = reference::distillation_gradient(student, teacher, c.targets(), temperature, 0.125);
      for (std::int64_t i = 0; i < rows * vocabulary; ++i) REQUIRE(c.teacher[i] == Approx(gradient[i]).epsilon(1e-5).margin(2e-7));
    }
}

TEST_CASE("a student that agrees with its teacher, up to a constant, pays nothing and is pushed nowhere") {
  Context ctx;
  Case c(3, 17);
  for (std::int64_t i = 0; i < 3 * 17; ++i) c.teacher[i] = c.student[i] + 2;
  c.run(ctx, 2, 1);
  for (std::int64_t n = 0; n < 3; ++n) CHECK(c.divergence[n] == Approx(0).margin(1e-5));
  for (std::int64_t i = 0; i < 3 * 17; ++i) CHECK(c.teacher[i] == Approx(0).margin(1e-6));
}

TEST_CASE("the oracle's distillation_gradient is the derivative of its distillation") {
  auto student = to_doubles(random_normal(3 * 7, 1));
  const auto teacher = to_doubles(random_normal(3 * 7, 2));
  const std::vector<std::int32_t> target = {6, -1, 0};
  const auto expected = finite_differences(student, [&] {
    return 0.5 * inner_product({1, 1, 1}, reference::distillation(student, teacher, target, 3));
  });
  CHECK(relative_error(reference::distillation_gradient(student, teacher, target, 3, 0.5), expected) < 1e-6);
}

TEST_CASE("distillation gives the same bits for any number of threads") {
  Context one(Device{}, 1), two(Device{}, 2);
  Case a(67, 257), b(67, 257);
  a.run(one, 2, 0.5f), b.run(two, 2, 0.5f);
  CHECK(same_bits(a.divergence, b.divergence));
  CHECK(same_bits(a.teacher, b.teacher));
}

TEST_CASE("distillation refuses shapes that do not fit and a temperature that is not positive") {
  Context ctx;
  Case c(3, 4);
  CHECK_THROWS_AS(c.run(ctx, 0, 1), ContractError);
  CHECK_THROWS_AS(ops::distillation(ctx, {c.student.view(3, 4), c.teacher.view(4, 3), c.target.view(3), 1, 1, c.divergence.view(3)}),
                  ContractError);
}
