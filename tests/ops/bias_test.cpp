#include "peer/ops/bias.h"

#include "peer/base/error.h"
#include "tests/reference/dense_ops.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {
struct Sizes {
  std::int64_t rows, width;
};
const Sizes kSizes[] = {{1, 1}, {1, 3}, {67, 3}, {5, 257}, {301, 128}};

struct Case {
  Sizes s;
  Buffer<float> bias = random_normal(s.width, 1), y = random_normal(s.rows * s.width, 2), dy = random_normal(s.rows * s.width, 3);
  Buffer<float> dbias = filled<float>(s.width, 0.25f);

  explicit Case(const Sizes& sizes) : s(sizes) {}
  void forward(Context& ctx) { ops::bias(ctx, {bias.view(s.width), y.view(s.rows, s.width)}); }
  void backward(Context& ctx) { ops::bias_backward(ctx, {dy.view(s.rows, s.width), dbias.view(s.width)}); }
};
}  // namespace

TEST_CASE("bias agrees with the oracle") {
  Context ctx;
  for (const Sizes& s : kSizes) {
    Case c(s);
    const auto expected = reference::bias(to_doubles(c.y), to_doubles(c.bias));
    c.forward(ctx);
    CHECK(relative_error(c.y, expected) < 1e-6);
  }
}

TEST_CASE("bias_backward adds the oracle's gradient") {
  Context ctx;
  for (const Sizes& s : kSizes) {
    Case c(s);
    auto expected = reference::bias_backward(to_doubles(c.dy), s.width);
    for (double& e : expected) e += 0.25;
    c.backward(ctx);
    CHECK(relative_error(c.dbias, expected) < 1e-6);
  }
}

TEST_CASE("the gradient of a bias over many rows that cancel is as good as over few") {
  Context ctx;
  const std::int64_t rows = 20001;
  Buffer<float> dy(rows), dbias(1);
  for (std::int64_t n = 0; n < rows; ++n) dy[n] = n + 1 == rows ? 0.125f : n % 2 == 0 ? 12345.678f : -12345.678f;
  ops::bias_backward(ctx, {dy.view(rows, 1), dbias.view(1)});
  CHECK(dbias[0] == 0.125f);
}

TEST_CASE("bias and its backward give the same bits for any number of threads") {
  Context one(Device{}, 1);
  Case expected({301, 267});
  expected.forward(one), expected.backward(one);
  for (int threads : {2, 5}) {
    Context ctx(Device{}, threads);
    Case c({301, 267});
    c.forward(ctx), c.backward(ctx);
    CHECK(same_bits(c.y, expected.y));
    CHECK(same_bits(c.dbias, expected.dbias));
  }
}

TEST_CASE("the oracle's bias_backward is the derivative of its bias") {
  auto b = to_doubles(random_normal(5, 1));
  const auto y = to_doubles(random_normal(3 * 5, 2)), dy = to_doubles(random_normal(3 * 5, 3));
  const auto loss = [&] { return inner_product(dy, reference::bias(y, b)); };
  CHECK(relative_error(reference::bias_backward(dy, 5), finite_differences(b, loss)) < 1e-7);
}

TEST_CASE("bias refuses shapes that do not fit") {
  Context ctx;
  Buffer<float> b(4), y(12);
  CHECK_THROWS_AS(ops::bias(ctx, {b.view(3), y.view(3, 4)}), ContractError);
  CHECK_THROWS_AS(ops::bias_backward(ctx, {y.view(3, 4), b.view(3)}), ContractError);
}
