#include "peer/ops/cross_entropy.h"

#include <cmath>

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
  Buffer<float> logits = random_normal(rows * vocabulary, 1, 4, -3);
  Buffer<std::int32_t> target = random_below<std::int32_t>(rows, 2, vocabulary);
  Buffer<float> nll = filled<float>(rows, -1.0f);

  Case(std::int64_t n, std::int64_t v) : rows(n), vocabulary(v) {
    for (std::int64_t i = 2; i < rows; i += 5) target[i] = -1;
  }
  std::vector<std::int32_t> targets() const { return {target.data(), target.data() + rows}; }
  void loss(Context& ctx) { ops::cross_entropy(ctx, {logits.view(rows, vocabulary), target.view(rows), nll.view(rows)}); }
  void gradient(Context& ctx, float scale) {
    ops::cross_entropy_with_gradient(ctx, {logits.view(rows, vocabulary), target.view(rows), scale, nll.view(rows)});
  }
};
const std::pair<std::int64_t, std::int64_t> kSizes[] = {{1, 1}, {1, 3}, {67, 257}, {9, 3}, {4, 5003}};
}  // namespace

TEST_CASE("cross_entropy agrees with the oracle, and the gradient's nll with the nll alone") {
  Context ctx;
  for (const auto& [rows, vocabulary] : kSizes) {
    Case c(rows, vocabulary);
    const auto expected = reference::cross_entropy(to_doubles(c.logits), c.targets());
    const auto expected_gradient = reference::cross_entropy_gradient(to_doubles(c.logits), c.targets(), 0.125);
    c.loss(ctx);
    // A loss is the difference of two logits of about 4, a gradient that of two numbers of up to 1/8: they may cancel.
    CHECK(relative_error(c.nll, expected, 4) < 1e-6);
    c.gradient(ctx, 0.125f);
    CHECK(relative_error(c.nll, expected, 4) < 1e-6);
    CHECK(relative_error(c.logits, expected_gradient, 0.125) < 5e-6);  // a float sum over the vocabulary, vectorised or not
  }
}

TEST_CASE("a row that is not scored has no loss and no gradient") {
  Context ctx;
  Case c(3, 17);
  c.gradient(ctx, 1);
  CHECK(c.nll[2] == 0);
  for (std::int64_t i = 0; i < 17; ++i) REQUIRE(c.logits[2 * 17 + i] == 0);
}

TEST_CASE("cross_entropy neither overflows nor hides a number that is not finite") {
  Context ctx;
  Case c(2, 3);
  const float huge[] = {1e4f, -1e4f, 0.0f, -std::numeric_limits<float>::infinity(), 0.0f, 0.0f};
  for (int i = 0; i < 6; ++i) c.logits[i] = huge[i];
  c.target[0] = 1, c.target[1] = 2;
  c.loss(ctx);
  CHECK(c.nll[0] == Approx(2e4));
  CHECK(c.nll[1] == Approx(std::log(2.0)));
  c.logits[1] = std::numeric_limits<float>::quiet_NaN();
  c.target[0] = 0;
  c.loss(ctx);
  CHECK(std::isnan(c.nll[0]));
  c.gradient(ctx, 1);
  CHECK(std::isnan(c.nll[0]));
}

TEST_CASE("cross_entropy gives the same bits for any number of threads") {
  Context one(Device{}, 1), two(Device{}, 2);
  Case a(67, 257), b(67, 257);
  a.gradient(one, 0.5f), b.gradient(two, 0.5f);
  CHECK(same_bits(a.nll, b.nll));
  CHECK(same_bits(a.logits, b.logits));
}

TEST_CASE("the oracle's cross_entropy_gradient is the derivative of its cross_entropy") {
  auto logits = to_doubles(random_normal(3 * 7, 1));
  const std::vector<std::int32_t> target = {6, -1, 0};
  const auto expected = finite_differences(logits, [&] {
    return 0.5 * inner_product({1, 1, 1}, reference::cross_entropy(logits, target));
  });
  CHECK(relative_error(reference::cross_entropy_gradient(logits, target, 0.5), expected) < 1e-7);
}

TEST_CASE("cross_entropy refuses targets outside the vocabulary and shapes that do not fit") {
  Context ctx;
  Case c(3, 4);
  c.target[1] = 4;
  CHECK_THROWS_AS(c.loss(ctx), ContractError);
  CHECK_THROWS_AS(c.gradient(ctx, 1), ContractError);
  CHECK_THROWS_AS(ops::cross_entropy(ctx, {c.logits.view(4, 3), c.target.view(3), c.nll.view(3)}), ContractError);
  CHECK_THROWS_AS(ops::cross_entropy_with_gradient(ctx, {c.logits.view(3, 4), c.target.view(3), 1, c.nll.view(2)}), ContractError);
}
