#include "peer/ops/expert_mix.h"

#include "peer/base/error.h"
#include "tests/reference/expert_ops.h"
#include "tests/support/catch.h"
#include "tests/support/expert_pages.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {
using reference::MixShape;
const MixShape kShapes[] = {{1, 1, 1, 1}, {1, 3, 3, 5}, {7, 5, 16, 11}, {33, 8, 67, 100}, {64, 32, 128, 256}};
const ActivationKind kActivations[] = {ActivationKind::kGelu, ActivationKind::kRelu};
const Element kElements[] = {Element::kFloat32, Element::kBfloat16};
struct Kind {
  ActivationKind activation;
  Element element;
};
const Kind kKinds[] = {{kActivations[0], kElements[0]}, {kActivations[0], kElements[1]}, {kActivations[1], kElements[0]}};

struct Case {
  MixShape s;
  ActivationKind kind;
  Element element = Element::kFloat32;
  ExpertPages pages{s.width, s.experts, 100, PageKinds::kMixed, element};
  std::int64_t slots = s.tokens * s.picks, numbers = s.tokens * s.width;
  Buffer<float> x = random_normal(numbers, 1, 1 / std::sqrt(double(s.width))), gate = random_normal(slots, 2),
                dy = random_normal(numbers, 3);
  Buffer<std::int64_t> id = random_below<std::int64_t>(slots, 4, s.experts);
  Buffer<float> hidden{slots}, dgate{slots}, dhidden{slots}, up_weight{slots};
  Buffer<float> y = filled<float>(numbers, 0.25f), dx = filled<float>(numbers, 0.25f);

  Case(const MixShape& shape, ActivationKind activation, Element e = Element::kFloat32) : s(shape), kind(activation), element(e) {}
  View<float, 2> by_pick(Buffer<float>& b) { return b.view(s.tokens, s.picks); }
  View<float, 2> by_width(Buffer<float>& b) { return b.view(s.tokens, s.width); }
  void forward(Context& ctx) {
    ops::expert_mix(ctx, {kind, by_width(x), id.view(s.tokens, s.picks), by_pick(gate), pages.rows(), by_pick(hidden), by_width(y)});
  }
  void backward(Context& ctx) {
    ops::expert_mix_backward(ctx, {kind, id.view(s.tokens, s.picks), by_pick(gate), by_pick(hidden), pages.rows(), by_width(dy),
                                   by_pick(dgate), by_pick(dhidden), by_pick(up_weight), by_width(dx)});
  }
  std::vector<std::int64_t> ids() const { return {id.data(), id.data() + id.size()}; }
};
}  // namespace

TEST_CASE("expert_mix adds the oracle's output of rows of fp32 and of bf16, whatever pages the experts are in") {
  Context ctx;
  for (const Kind& k : kKinds)
    for (const MixShape& s : kShapes) {
      const auto kind = k.activation;
      Case c(s, kind, k.element);
      c.forward(ctx);
      auto expected = reference::expert_mix(kind, s, to_doubles(c.x), c.ids(), to_doubles(c.gate), c.pages.down(), c.pages.up());
      for (double& v : expected.y) v += 0.25;
      CHECK(relative_error(c.hidden, expected.hidden) < 2e-6);
      CHECK(relative_error(c.y, expected.y) < 2e-6);
    }
}

TEST_CASE("expert_mix_backward gives the oracle's gradients through rows of fp32 and of bf16") {
  Context ctx;
  for (const Kind& k : kKinds)
    for (const MixShape& s : kShapes) {
      const auto kind = k.activation;
      Case c(s, kind, k.element);
      c.forward(ctx);
      c.backward(ctx);
      auto expected = reference::expert_mix_backward(kind, s, to_doubles(c.x), c.ids(), to_doubles(c.gate), c.pages.down(), c.pages.up(),
                                                     to_doubles(c.dy));
      for (double& v : expected.dx) v += 0.25;
      CHECK(relative_error(c.dgate, expected.dgate) < 3e-6);
      CHECK(relative_error(c.dhidden, expected.dhidden) < 3e-6);
      CHECK(relative_error(c.up_weight, expected.up_weight) < 3e-6);
      CHECK(relative_error(c.dx, expected.dx) < 3e-6);
    }
}

TEST_CASE("an expert whose up row is zero changes no bit of the output") {
  Context ctx;
  for (const Element element : kElements) {
    Case c({9, 4, 21, 16}, ActivationKind::kGelu, element);
    for (std::int64_t e = 0; e < c.s.experts; ++e) c.pages.clear_up(e);
    const auto before = copy_of(c.y);
    c.forward(ctx);
    CHECK(same_bits(c.y, before));
  }
}

TEST_CASE("expert_mix and its backward give the same bits for any number of threads") {
  Context one(Device{}, 1);
  Case expected({33, 8, 67, 100}, ActivationKind::kGelu);
  expected.forward(one), expected.backward(one);
  for (int threads : {2, 5}) {
    Context ctx(Device{}, threads);
    Case c({33, 8, 67, 100}, ActivationKind::kGelu);
    c.forward(ctx), c.backward(ctx);
    CHECK(same_bits(c.y, expected.y));
    CHECK(same_bits(c.hidden, expected.hidden));
    CHECK(same_bits(c.dgate, expected.dgate));
    CHECK(same_bits(c.dhidden, expected.dhidden));
    CHECK(same_bits(c.dx, expected.dx));
  }
}

TEST_CASE("expert_mix and its backward change no expert") {
  Context ctx;
  Case c({33, 8, 16, 100}, ActivationKind::kGelu);
  const ExpertPages untouched(c.s.width, c.s.experts, 100, PageKinds::kMixed);
  c.forward(ctx), c.backward(ctx);
  for (std::int64_t p = 0; p < untouched.page_count(); ++p) CHECK(same_bits(c.pages.memory(p), untouched.memory(p)));
}

TEST_CASE("the oracle's expert_mix_backward is the derivative of its expert_mix") {
  const MixShape s{3, 4, 5, 6};
  auto x = to_doubles(random_normal(s.tokens * s.width, 1)), gate = to_doubles(random_normal(s.tokens * s.picks, 2));
  auto down = to_doubles(random_normal(s.experts * s.width, 3)), up = to_doubles(random_normal(s.experts * s.width, 4));
  const auto dy = to_doubles(random_normal(s.tokens * s.width, 5));
  const auto picked = random_below<std::int64_t>(s.tokens * s.picks, 6, s.experts);
  const std::vector<std::int64_t> id(picked.data(), picked.data() + picked.size());
  for (auto kind : kActivations) {
    const auto loss = [&] { return inner_product(dy, reference::expert_mix(kind, s, x, id, gate, down, up).y); };
    const auto gradients = reference::expert_mix_backward(kind, s, x, id, gate, down, up, dy);
    CHECK(relative_error(gradients.dx, finite_differences(x, loss)) < 1e-7);
    CHECK(relative_error(gradients.dgate, finite_differences(gate, loss)) < 1e-7);
    CHECK(relative_error(gradients.ddown, finite_differences(down, loss)) < 1e-7);
    CHECK(relative_error(gradients.dup, finite_differences(up, loss)) < 1e-7);
  }
}

TEST_CASE("expert_mix refuses an id beyond the experts and shapes that do not fit") {
  Context ctx;
  Case beyond({2, 3, 4, 5}, ActivationKind::kGelu), negative({2, 3, 4, 5}, ActivationKind::kGelu),
      narrow({2, 3, 4, 5}, ActivationKind::kGelu);
  beyond.id[5] = 5;
  CHECK_THROWS_AS(beyond.forward(ctx), ContractError);
  CHECK_THROWS_AS(beyond.backward(ctx), ContractError);
  negative.id[0] = -1;
  CHECK_THROWS_AS(negative.forward(ctx), ContractError);
  narrow.s.width = 3;
  CHECK_THROWS_AS(narrow.forward(ctx), ContractError);
}
