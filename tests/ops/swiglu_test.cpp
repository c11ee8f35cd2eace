#include "peer/ops/swiglu.h"

#include "peer/base/error.h"
#include "tests/reference/dense_ops.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {
struct Case {
  std::int64_t rows, width;
  Buffer<float> gate = random_normal(rows * width, 1, 3), up = random_normal(rows * width, 2), dy = random_normal(rows * width, 3);
  Buffer<float> y{rows * width}, dgate{rows * width}, dup{rows * width};

  Case(std::int64_t n, std::int64_t f) : rows(n), width(f) {}
  View<float, 2> matrix(Buffer<float>& buffer) const { return buffer.view(rows, width); }
  void run(Context& ctx) {
    ops::swiglu(ctx, {matrix(gate), matrix(up), matrix(y)});
    ops::swiglu_backward(ctx, {matrix(gate), matrix(up), matrix(dy), matrix(dgate), matrix(dup)});
  }
};
const std::pair<std::int64_t, std::int64_t> kSizes[] = {{1, 1}, {1, 3}, {67, 3}, {5, 257}, {64, 344}};
}  // namespace

TEST_CASE("swiglu and its backward agree with the oracle") {
  Context ctx;
  for (const auto& [rows, width] : kSizes) {
    Case c(rows, width);
    c.run(ctx);
    const auto gradients = reference::swiglu_backward(to_doubles(c.gate), to_doubles(c.up), to_doubles(c.dy));
    CHECK(relative_error(c.y, reference::swiglu(to_doubles(c.gate), to_doubles(c.up))) < 1e-6);
    CHECK(relative_error(c.dgate, gradients.dgate) < 1e-6);
    CHECK(relative_error(c.dup, gradients.dup) < 1e-6);
  }
}

TEST_CASE("swiglu stays finite for gates of any size") {
  Context ctx;
  Case c(1, 4);
  const float gates[] = {-1e30f, -200.0f, 200.0f, 1e30f};
  for (int i = 0; i < 4; ++i) c.gate[i] = gates[i], c.up[i] = 1, c.dy[i] = 1;
  c.run(ctx);
  for (int i = 0; i < 4; ++i) {
    CHECK(c.y[i] == (i < 2 ? 0.0f : gates[i]));
    CHECK(c.dgate[i] == (i < 2 ? 0.0f : 1.0f));
  }
}

TEST_CASE("swiglu gives the same bits for any number of threads") {
  Context one(Device{}, 1), two(Device{}, 2);
  Case a(67, 45), b(67, 45);
  a.run(one), b.run(two);
  CHECK(same_bits(a.y, b.y));
  CHECK(same_bits(a.dgate, b.dgate));
  CHECK(same_bits(a.dup, b.dup));
}

TEST_CASE("the oracle's swiglu_backward is the derivative of its swiglu") {
  auto gate = to_doubles(random_normal(12, 1)), up = to_doubles(random_normal(12, 2));
  const auto dy = to_doubles(random_normal(12, 3));
  const auto loss = [&] { return inner_product(dy, reference::swiglu(gate, up)); };
  const auto gradients = reference::swiglu_backward(gate, up, dy);
  CHECK(relative_error(gradients.dgate, finite_differences(gate, loss)) < 1e-7);
  CHECK(relative_error(gradients.dup, finite_differences(up, loss)) < 1e-7);
}

TEST_CASE("swiglu refuses shapes that do not fit") {
  Context ctx;
  Buffer<float> a(12), b(12), c(12);
  CHECK_THROWS_AS(ops::swiglu(ctx, {a.view(3, 4), b.view(4, 3), c.view(3, 4)}), ContractError);
  CHECK_THROWS_AS(ops::swiglu(ctx, {a.view(3, 4), b.view(3, 4), c.view(2, 6)}), ContractError);
  CHECK_THROWS_AS(ops::swiglu_backward(ctx, {a.view(3, 4), b.view(3, 4), c.view(3, 4), a.view(3, 4), b.view(4, 3)}), ContractError);
}
