#include "peer/ops/attention.h"

#include "peer/base/error.h"
#include "tests/reference/dense_ops.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;
using reference::AttentionShape;

namespace {
const AttentionShape kShapes[] = {{1, 1, 1, 1, 3}, {2, 67, 2, 2, 6},   {1, 64, 4, 1, 16},
                                  {3, 5, 6, 2, 3}, {1, 200, 2, 1, 32}, {2, 128, 4, 4, 32}};

struct Case {
  AttentionShape s;
  Buffer<float> q = random_normal(s.query_size(), 1, 2), k = random_normal(s.key_size(), 2), v = random_normal(s.key_size(), 3);
  Buffer<float> dy = random_normal(s.query_size(), 4);
  // Outputs begin as NaN: what an op sets must not depend on what was there.
  Buffer<float> y = unset(s.query_size()), lse = unset(s.lse_size());
  Buffer<float> dq = unset(s.query_size()), dk = unset(s.key_size()), dv = unset(s.key_size());

  explicit Case(const AttentionShape& shape) : s(shape) {}
  static Buffer<float> unset(std::int64_t size) { return filled(size, std::numeric_limits<float>::quiet_NaN()); }
  View<float, 4> queries(Buffer<float>& buffer) const { return buffer.view(s.batch, s.time, s.query_heads, s.width); }
  View<float, 4> keys(Buffer<float>& buffer) const { return buffer.view(s.batch, s.time, s.key_heads, s.width); }
  View<float, 3> lse_view() { return lse.view(s.batch, s.query_heads, s.time); }
  void forward(Context& ctx) { ops::attention(ctx, {queries(q), keys(k), keys(v), queries(y), lse_view()}); }
  void backward(Context& ctx) {
    ops::attention_backward(ctx, {queries(q), keys(k), keys(v), queries(y), lse_view(), queries(dy), queries(dq), keys(dk), keys(dv)});
  }
};
}  // namespace

TEST_CASE("attention and its backward agree with the oracle, grouped or not, at any length") {
  Context ctx;
  for (const AttentionShape& shape : kShapes) {
    Case c(shape);
    c.forward(ctx), c.backward(ctx);
    const auto q = to_doubles(c.q), k = to_doubles(c.k), v = to_doubles(c.v);
    const auto expected = reference::attention(q, k, v, shape);
    const auto gradients = reference::attention_backward(q, k, v, to_doubles(c.dy), shape);
    CHECK(relative_error(c.y, expected.y) < 2e-6);
    CHECK(relative_error(c.lse, expected.lse) < 1e-6);
    if (shape.time > 1) {
      CHECK(relative_error(c.dq, gradients.dq) < 5e-6);
      CHECK(relative_error(c.dk, gradients.dk) < 5e-6);
    }
    CHECK(relative_error(c.dv, gradients.dv) < 5e-6);
  }
}

TEST_CASE("a query alone copies its value and has no gradient to query and key") {
  Context ctx;
  Case c({2, 1, 4, 2, 3});
  c.forward(ctx), c.backward(ctx);
  for (std::int64_t b = 0; b < 2; ++b)
    for (std::int64_t h = 0; h < 4; ++h)
      for (std::int64_t i = 0; i < 3; ++i) CHECK(c.y[(b * 4 + h) * 3 + i] == Approx(c.v[(b * 2 + h / 2) * 3 + i]));
  for (std::int64_t i = 0; i < c.dq.size(); ++i) CHECK(std::abs(c.dq[i]) < 1e-5f);
  for (std::int64_t i = 0; i < c.dk.size(); ++i) CHECK(std::abs(c.dk[i]) < 1e-5f);
}

TEST_CASE("the future does not reach back: later keys and values change no earlier output") {
  Context ctx;
  Case c({1, 100, 2, 2, 8}), changed({1, 100, 2, 2, 8});
  const std::int64_t time = 70, cut = time * 2 * 8;
  for (std::int64_t i = cut; i < changed.k.size(); ++i) changed.k[i] += 3, changed.v[i] -= 5;
  c.forward(ctx), changed.forward(ctx);
  for (std::int64_t i = 0; i < cut; ++i) REQUIRE(c.y[i] == changed.y[i]);
  CHECK(c.y[cut] != changed.y[cut]);
}

TEST_CASE("attention survives scores far beyond the range of exp") {
  Context ctx;
  Case c({1, 67, 1, 1, 4});
  for (std::int64_t i = 0; i < c.q.size(); ++i) c.q[i] *= 300, c.k[i] *= 300;
  c.forward(ctx);
  const auto expected = reference::attention(to_doubles(c.q), to_doubles(c.k), to_doubles(c.v), c.s);
  CHECK(relative_error(c.lse, expected.lse) < 1e-6);
  CHECK(relative_error(c.y, expected.y) < 0.05);  // a score of 1e5 has an absolute error of 0.01
}

TEST_CASE("attention and its backward give the same bits for any number of threads") {
  Context one(Device{}, 1);
  const AttentionShape shape{3, 131, 6, 2, 32};
  Case expected(shape);
  expected.forward(one), expected.backward(one);
  for (int threads : {2, 3}) {
    Context ctx(Device{}, threads);
    Case c(shape);
    c.forward(ctx), c.backward(ctx);
    CHECK(same_bits(c.y, expected.y));
    CHECK(same_bits(c.lse, expected.lse));
    CHECK(same_bits(c.dq, expected.dq));
    CHECK(same_bits(c.dk, expected.dk));
    CHECK(same_bits(c.dv, expected.dv));
  }
}

TEST_CASE("attention's workspace does not grow with batch or heads") {
  Context few(Device{}, 2), many(Device{}, 2);
  Case small({1, 67, 1, 1, 8}), large({8, 67, 6, 3, 8});
  small.forward(few), small.backward(few);
  large.forward(many), large.backward(many);
  CHECK(few.scratch_total_bytes() == many.scratch_total_bytes());
}

TEST_CASE("the oracle's attention_backward is the derivative of its attention") {
  const AttentionShape shape{2, 4, 4, 2, 3};
  auto q = to_doubles(random_normal(shape.query_size(), 1)), k = to_doubles(random_normal(shape.key_size(), 2));
  auto v = to_doubles(random_normal(shape.key_size(), 3));
  const auto dy = to_doubles(random_normal(shape.query_size(), 4));
  const auto loss = [&] { return inner_product(dy, reference::attention(q, k, v, shape).y); };
  const auto gradients = reference::attention_backward(q, k, v, dy, shape);
  CHECK(relative_error(gradients.dq, finite_differences(q, loss)) < 1e-7);
  CHECK(relative_error(gradients.dk, finite_differences(k, loss)) < 1e-7);
  CHECK(relative_error(gradients.dv, finite_differences(v, loss)) < 1e-7);
}

TEST_CASE("attention refuses shapes that do not fit") {
  Context ctx;
  Case c({2, 6, 4, 2, 3});
  const auto q = c.queries(c.q), y = c.queries(c.y);
  const auto k = c.keys(c.k), v = c.keys(c.v);
  CHECK_THROWS_AS(ops::attention(ctx, {q, c.k.view(2, 4, 3, 3), v, y, c.lse_view()}), ContractError);
  CHECK_THROWS_AS(ops::attention(ctx, {q, c.k.view(2, 6, 3, 2), v, y, c.lse_view()}), ContractError);
  CHECK_THROWS_AS(ops::attention(ctx, {c.q.view(2, 6, 3, 4), c.k.view(2, 6, 2, 3), v, y, c.lse_view()}), ContractError);
  CHECK_THROWS_AS(ops::attention(ctx, {q, k, v, k, c.lse_view()}), ContractError);
  CHECK_THROWS_AS(ops::attention(ctx, {q, k, v, y, c.lse.view(2, 6, 4)}), ContractError);
  CHECK_THROWS_AS(ops::attention_backward(ctx, {q, k, v, y, c.lse_view(), y, c.queries(c.dq), c.keys(c.dk), y}), ContractError);
}
