#include "peer/ops/query_norm.h"

#include "peer/base/error.h"
#include "tests/reference/expert_ops.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {
using ops::Statistics;
using reference::QueryShape;
const QueryShape kShapes[] = {{1, 1, 3}, {2, 1, 1}, {5, 2, 7}, {67, 3, 33}, {300, 2, 64}};

struct Mode {
  QueryNormKind kind;
  Statistics statistics;
};
const Mode kModes[] = {{QueryNormKind::kNone, Statistics::kFrozen},
                       {QueryNormKind::kBatch, Statistics::kFrozen},
                       {QueryNormKind::kBatch, Statistics::kBatch},
                       {QueryNormKind::kLayer, Statistics::kFrozen},
                       {QueryNormKind::kRms, Statistics::kFrozen}};

struct Case {
  Mode mode;
  QueryShape s;
  std::int64_t columns = s.columns(), groups = mode.kind == QueryNormKind::kBatch ? columns : s.tokens * s.heads;
  bool centred = mode.kind == QueryNormKind::kBatch || mode.kind == QueryNormKind::kLayer;
  Buffer<float> q = random_normal(s.size(), 1, 2, 0.5), dy = random_normal(s.size(), 2), y{s.size()}, dq{s.size()};
  Buffer<float> weight = random_normal(columns, 3, 0.3, 1), bias = random_normal(columns, 4);
  Buffer<float> running_mean = random_normal(columns, 5), running_variance = filled<float>(columns, 1.7f);
  Buffer<float> mean{groups}, inverse_std{groups};
  Buffer<float> dweight = filled<float>(columns, 0.25f), dbias = filled<float>(columns, 0.25f);

  Case(const Mode& m, const QueryShape& shape) : mode(m), s(shape) {}
  View<float, 3> by_head(Buffer<float>& b) { return b.view(s.tokens, s.heads, s.width); }
  void forward(Context& ctx) {
    ops::query_norm(
        ctx, {mode.kind, mode.statistics, by_head(q), weight.view(columns), bias.view(columns), 1e-5f, 0.1f, running_mean.view(columns),
              running_variance.view(columns), by_head(y), mean.view(groups), inverse_std.view(groups)});
  }
  void backward(Context& ctx, bool trainable = true) {
    ops::QueryNormBackward op{mode.kind,
                              mode.statistics,
                              by_head(q),
                              weight.view(columns),
                              mean.view(groups),
                              inverse_std.view(groups),
                              by_head(dy),
                              by_head(dq),
                              {},
                              {}};
    if (trainable && mode.kind != QueryNormKind::kNone) op.dweight = dweight.view(columns);
    if (trainable && centred) op.dbias = dbias.view(columns);
    ops::query_norm_backward(ctx, op);
  }
  // Before the forward, which may move the running statistics.
  reference::QueryNormSettings settings() const {
    return {mode.kind, mode.statistics, 1e-5, to_doubles(running_mean), to_doubles(running_variance)};
  }
};
}  // namespace

TEST_CASE("query_norm agrees with the oracle for every kind") {
  Context ctx;
  for (const Mode& mode : kModes)
    for (const QueryShape& s : kShapes) {
      if (mode.kind == QueryNormKind::kLayer && s.width == 1) continue;  // q - mean is a rounding error there
      Case c(mode, s);
      const auto settings = c.settings();
      c.forward(ctx);
      CHECK(relative_error(c.y, reference::query_norm(settings, s, to_doubles(c.q), to_doubles(c.weight), to_doubles(c.bias))) < 2e-6);
    }
}

TEST_CASE("query_norm_backward gives the oracle's gradients for every kind") {
  Context ctx;
  for (const Mode& mode : kModes)
    for (const QueryShape& s : {kShapes[2], kShapes[3], kShapes[4]}) {
      Case c(mode, s);
      const auto settings = c.settings();
      c.forward(ctx);
      c.backward(ctx);
      auto expected = reference::query_norm_backward(settings, s, to_doubles(c.q), to_doubles(c.weight), to_doubles(c.dy));
      for (auto* added : {&expected.dweight, &expected.dbias})
        for (double& g : *added) g += 0.25;
      CHECK(relative_error(c.dq, expected.dq) < 5e-6);
      if (mode.kind != QueryNormKind::kNone) CHECK(relative_error(c.dweight, expected.dweight) < 2e-6);
      if (c.centred) CHECK(relative_error(c.dbias, expected.dbias) < 2e-6);
    }
}

TEST_CASE("batch norm of one token with its own statistics gives the bias and no gradient") {
  Context ctx;
  Case c({QueryNormKind::kBatch, Statistics::kBatch}, {1, 2, 3});
  c.forward(ctx);
  c.backward(ctx);
  CHECK(same_bits(c.y, c.bias));
  for (std::int64_t i = 0; i < c.dq.size(); ++i) CHECK(c.dq[i] == 0);
}

TEST_CASE("batch norm moves its running statistics towards the batch's, the variance unbiased") {
  Context ctx;
  const QueryShape s{4, 1, 1};
  Case c({QueryNormKind::kBatch, Statistics::kBatch}, s);
  c.q = Buffer<float>(4);
  for (int n = 0; n < 4; ++n) c.q[n] = static_cast<float>(2 * n);  // mean 3, variance 5, unbiased 20/3
  c.running_mean[0] = 1, c.running_variance[0] = 2;
  c.forward(ctx);
  CHECK(c.running_mean[0] == Approx(0.9 * 1 + 0.1 * 3));
  CHECK(c.running_variance[0] == Approx(0.9 * 2 + 0.1 * 20 / 3));
}

TEST_CASE("frozen statistics stay as they are, and a token's output does not depend on the others") {
  Context ctx;
  Case all({QueryNormKind::kBatch, Statistics::kFrozen}, {5, 2, 7}), alone({QueryNormKind::kBatch, Statistics::kFrozen}, {1, 2, 7});
  const auto mean = copy_of(all.running_mean), variance = copy_of(all.running_variance);
  all.forward(ctx), alone.forward(ctx);
  CHECK(same_bits(all.running_mean, mean));
  CHECK(same_bits(all.running_variance, variance));
  CHECK(std::memcmp(all.y.data(), alone.y.data(), static_cast<std::size_t>(alone.y.bytes())) == 0);
}

TEST_CASE("query_norm_backward without dweight and dbias gives the same dq") {
  Context ctx;
  for (const Mode& mode : kModes) {
    Case trained(mode, {67, 3, 33}), frozen(mode, {67, 3, 33});
    trained.forward(ctx), frozen.forward(ctx);
    trained.backward(ctx), frozen.backward(ctx, false);
    CHECK(same_bits(trained.dq, frozen.dq));
    CHECK(same_bits(frozen.dweight, filled<float>(frozen.columns, 0.25f)));
  }
}

TEST_CASE("query_norm and its backward give the same bits for any number of threads") {
  for (const Mode& mode : kModes) {
    Context one(Device{}, 1);
    Case expected(mode, {67, 3, 33});
    expected.forward(one), expected.backward(one);
    for (int threads : {2, 5}) {
      Context ctx(Device{}, threads);
      Case c(mode, {67, 3, 33});
      c.forward(ctx), c.backward(ctx);
      CHECK(same_bits(c.y, expected.y));
      CHECK(same_bits(c.dq, expected.dq));
      CHECK(same_bits(c.dweight, expected.dweight));
      CHECK(same_bits(c.running_variance, expected.running_variance));
    }
  }
}

TEST_CASE("the oracle's query_norm_backward is the derivative of its query_norm") {
  const QueryShape s{4, 2, 3};
  for (const Mode& mode : kModes) {
    auto q = to_doubles(random_normal(s.size(), 1)), weight = to_doubles(random_normal(6, 2)), bias = to_doubles(random_normal(6, 3));
    const auto dy = to_doubles(random_normal(s.size(), 4));
    const reference::QueryNormSettings settings{mode.kind, mode.statistics, 1e-3, to_doubles(random_normal(6, 5)), {1, 2, 3, 4, 5, 6}};
    const auto loss = [&] { return inner_product(dy, reference::query_norm(settings, s, q, weight, bias)); };
    const auto gradients = reference::query_norm_backward(settings, s, q, weight, dy);
    CHECK(relative_error(gradients.dq, finite_differences(q, loss)) < 1e-6);
    if (mode.kind == QueryNormKind::kNone) continue;
    CHECK(relative_error(gradients.dweight, finite_differences(weight, loss)) < 1e-7);
    if (mode.kind != QueryNormKind::kRms) CHECK(relative_error(gradients.dbias, finite_differences(bias, loss)) < 1e-7);
  }
}

TEST_CASE("query_norm refuses shapes that do not fit") {
  Context ctx;
  Case c({QueryNormKind::kBatch, Statistics::kFrozen}, {5, 2, 7});
  c.running_mean = Buffer<float>(0);
  c.columns = 13;
  CHECK_THROWS_AS(c.forward(ctx), ContractError);
  CHECK_THROWS_AS(c.backward(ctx), ContractError);
  Case layer({QueryNormKind::kLayer, Statistics::kFrozen}, {5, 2, 7});
  layer.groups = 9;
  CHECK_THROWS_AS(layer.forward(ctx), ContractError);
}
