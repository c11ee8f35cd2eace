#include "peer/ops/router_gate.h"

#include "peer/base/error.h"
#include "tests/reference/expert_ops.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {
const GateKind kKinds[] = {GateKind::kSoftmax, GateKind::kSigmoid, GateKind::kRelu};

struct Case {
  GateKind kind;
  std::int64_t tokens, heads, picks;
  std::int64_t size = tokens * heads * picks;
  Buffer<float> score = random_normal(size, 1, 3), dgate = random_normal(size, 2), gate{size}, dscore{size};

  View<float, 3> view(Buffer<float>& b) { return b.view(tokens, heads, picks); }
  void run(Context& ctx) {
    ops::router_gate(ctx, {kind, view(score), view(gate)});
    ops::router_gate_backward(ctx, {kind, view(gate), view(dgate), view(dscore)});
  }
};
}  // namespace

TEST_CASE("router_gate and its backward agree with the oracle") {
  Context ctx;
  for (auto kind : kKinds)
    for (auto [tokens, heads, picks] : {std::array<std::int64_t, 3>{1, 1, 1}, {1, 3, 5}, {67, 2, 16}}) {
      Case c{kind, tokens, heads, picks};
      c.run(ctx);
      CHECK(relative_error(c.gate, reference::router_gate(kind, to_doubles(c.score), picks)) < 1e-6);
      CHECK(relative_error(c.dscore, reference::router_gate_backward(kind, to_doubles(c.score), to_doubles(c.dgate), picks)) < 2e-6);
    }
}

TEST_CASE("a softmax gate adds up to one even where scores are huge") {
  Context ctx;
  Case c{GateKind::kSoftmax, 1, 2, 8};
  for (std::int64_t i = 0; i < c.size; ++i) c.score[i] *= 1e30f;
  c.run(ctx);
  for (std::int64_t h = 0; h < 2; ++h) {
    float sum = 0;
    for (std::int64_t k = 0; k < 8; ++k) sum += c.gate[h * 8 + k];
    CHECK(sum == Approx(1));
  }
}

TEST_CASE("a router gate lets NaN show") {
  Context ctx;
  for (auto kind : kKinds) {
    Case c{kind, 1, 1, 5};
    c.score[3] = std::numeric_limits<float>::quiet_NaN();
    c.run(ctx);
    CHECK(std::isnan(c.gate[3]));
  }
}

TEST_CASE("the oracle's router_gate_backward is the derivative of its router_gate") {
  for (auto kind : kKinds) {
    auto score = to_doubles(random_normal(15, 1));
    const auto dgate = to_doubles(random_normal(15, 2));
    const auto loss = [&] { return inner_product(dgate, reference::router_gate(kind, score, 5)); };
    CHECK(relative_error(reference::router_gate_backward(kind, score, dgate, 5), finite_differences(score, loss)) < 1e-7);
  }
}

TEST_CASE("router_gate refuses shapes that do not fit") {
  Context ctx;
  Buffer<float> a(12), b(12);
  CHECK_THROWS_AS(ops::router_gate(ctx, {GateKind::kSoftmax, a.view(1, 3, 4), b.view(1, 4, 3)}), ContractError);
  CHECK_THROWS_AS(ops::router_gate_backward(ctx, {GateKind::kSoftmax, a.view(1, 3, 4), a.view(1, 3, 4), b.view(1, 4, 3)}), ContractError);
}
