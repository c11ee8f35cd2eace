#include "peer/ops/rms_norm.h"

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
  Buffer<float> x = random_normal(s.rows * s.width, 1), weight = random_normal(s.width, 2, 0.3, 1), dy = random_normal(s.rows * s.width, 3);
  Buffer<float> y{s.rows * s.width}, inverse_rms{s.rows};
  Buffer<float> dx = filled<float>(s.rows * s.width, 0.25f), dweight = filled<float>(s.width, 0.25f);

  explicit Case(const Sizes& sizes) : s(sizes) {}
  void forward(Context& ctx) {
    ops::rms_norm(ctx, {x.view(s.rows, s.width), weight.view(s.width), 1e-5f, y.view(s.rows, s.width), inverse_rms.view(s.rows)});
  }
  void backward(Context& ctx, bool trainable = true) {
    ops::rms_norm_backward(ctx, {x.view(s.rows, s.width), weight.view(s.width), inverse_rms.view(s.rows), dy.view(s.rows, s.width),
                                 dx.view(s.rows, s.width), trainable ? dweight.view(s.width) : View<float, 1>{}});
  }
};
}  // namespace

TEST_CASE("rms_norm agrees with the oracle") {
  Context ctx;
  for (const Sizes& s : kSizes) {
    Case c(s);
    c.forward(ctx);
    CHECK(relative_error(c.y, reference::rms_norm(to_doubles(c.x), to_doubles(c.weight), 1e-5)) < 1e-6);
  }
}

TEST_CASE("a row of zeros stays zero, and its gradient is a number") {
  Context ctx;
  Case c({3, 16});
  std::fill_n(c.x.data() + 16, 16, 0.0f);
  c.forward(ctx);
  for (std::int64_t i = 16; i < 32; ++i) CHECK(c.y[i] == 0);
  c.backward(ctx);
  auto expected = reference::rms_norm_backward(to_doubles(c.x), to_doubles(c.weight), to_doubles(c.dy), 1e-5);
  for (double& e : expected.dx) e += 0.25;
  CHECK(relative_error(c.dx, expected.dx) < 2e-6);
}

TEST_CASE("rms_norm_backward adds the oracle's gradients") {
  Context ctx;
  for (const Sizes& s : kSizes) {
    Case c(s);
    c.forward(ctx);
    c.backward(ctx);
    auto expected = reference::rms_norm_backward(to_doubles(c.x), to_doubles(c.weight), to_doubles(c.dy), 1e-5);
    for (double& e : expected.dx) e += 0.25;
    for (double& e : expected.dweight) e += 0.25;
    CHECK(relative_error(c.dx, expected.dx) < 2e-6);
    CHECK(relative_error(c.dweight, expected.dweight) < 2e-6);
  }
}

TEST_CASE("rms_norm_backward leaves the gradient of a frozen weight alone and gives the same dx") {
  Context ctx;
  Case trained({67, 16}), frozen({67, 16});
  trained.forward(ctx), frozen.forward(ctx);
  trained.backward(ctx), frozen.backward(ctx, false);
  CHECK(same_bits(trained.dx, frozen.dx));
  CHECK(same_bits(frozen.dweight, filled<float>(16, 0.25f)));
}

TEST_CASE("rms_norm and its backward give the same bits for any number of threads") {
  Context one(Device{}, 1);
  Case expected({301, 67});
  expected.forward(one), expected.backward(one);
  for (int threads : {2, 5}) {
    Context ctx(Device{}, threads);
    Case c({301, 67});
    c.forward(ctx), c.backward(ctx);
    CHECK(same_bits(c.y, expected.y));
    CHECK(same_bits(c.dx, expected.dx));
    CHECK(same_bits(c.dweight, expected.dweight));
  }
}

TEST_CASE("the oracle's rms_norm_backward is the derivative of its rms_norm") {
  auto x = to_doubles(random_normal(3 * 5, 1)), weight = to_doubles(random_normal(5, 2));
  const auto dy = to_doubles(random_normal(3 * 5, 3));
  const auto loss = [&] { return inner_product(dy, reference::rms_norm(x, weight, 1e-5)); };
  const auto gradients = reference::rms_norm_backward(x, weight, dy, 1e-5);
  CHECK(relative_error(gradients.dx, finite_differences(x, loss)) < 1e-7);
  CHECK(relative_error(gradients.dweight, finite_differences(weight, loss)) < 1e-7);
}

TEST_CASE("rms_norm refuses shapes that do not fit") {
  Context ctx;
  Buffer<float> x(12), y(12), weight(4), r(3);
  CHECK_THROWS_AS(ops::rms_norm(ctx, {x.view(3, 4), weight.view(4), 1e-5f, y.view(4, 3), r.view(3)}), ContractError);
  CHECK_THROWS_AS(ops::rms_norm(ctx, {x.view(3, 4), weight.view(3), 1e-5f, y.view(3, 4), r.view(3)}), ContractError);
  CHECK_THROWS_AS(ops::rms_norm(ctx, {x.view(3, 4), weight.view(4), 1e-5f, y.view(3, 4), r.view(2)}), ContractError);
  CHECK_THROWS_AS(ops::rms_norm_backward(ctx, {x.view(3, 4), weight.view(4), r.view(3), x.view(3, 4), y.view(3, 4), r.view(3)}),
                  ContractError);
}
