#include "peer/ops/expert_sweep.h"

#include "peer/base/error.h"
#include "peer/ops/expert_mix.h"
#include "peer/ops/expert_row_update.h"
#include "peer/ops/row_order.h"
#include "tests/reference/expert_ops.h"
#include "tests/support/catch.h"
#include "tests/support/expert_pages.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {

using reference::MixShape;
constexpr ops::StepState kNow{.step = 3, .share = 0.5};
// Tokens, picks, width, experts: few experts, so that tokens pick one several times; widths of whole lines, of parts, of both.
const MixShape kShapes[] = {{1, 1, 1, 1}, {9, 4, 16, 3}, {7, 5, 21, 11}, {33, 8, 67, 100}, {64, 32, 128, 256}};
struct Kind {
  ActivationKind activation;
  Element element;
};
const Kind kKinds[] = {
    {ActivationKind::kGelu, Element::kFloat32}, {ActivationKind::kGelu, Element::kBfloat16}, {ActivationKind::kRelu, Element::kFloat32}};

struct Case {
  MixShape s;
  Kind kind;
  ExpertPages pages{s.width, s.experts, 100, PageKinds::kMixed, kind.element};
  std::int64_t slots = s.tokens * s.picks, numbers = s.tokens * s.width, segments = 0;
  Buffer<float> x = random_normal(numbers, 1, 1 / std::sqrt(double(s.width))), gate = random_normal(slots, 2),
                dy = random_normal(numbers, 3);
  Buffer<std::int64_t> id = random_below<std::int64_t>(slots, 4, s.experts), expert{slots};
  Buffer<std::int32_t> order{slots}, begin{slots + 1};
  Buffer<float> hidden{slots}, dgate{slots}, dhidden{slots}, up_weight{slots};
  Buffer<float> y{numbers}, dx = filled<float>(numbers, 0.25f);
  ops::RowRule rule{{1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f}, 2, &kNow, Random(9, Purpose::kRounding)};

  Case(Context& ctx, const MixShape& shape, const Kind& k) : s(shape), kind(k) {
    ops::expert_mix(ctx,
                    {kind.activation, by_width(x), id.view(s.tokens, s.picks), by_pick(gate), pages.rows(), by_pick(hidden), by_width(y)});
    segments = ops::row_order(ctx, {id.view(s.tokens, s.picks), s.experts, order.view(slots), expert.view(slots), begin.view(slots + 1)});
  }
  View<float, 2> by_pick(Buffer<float>& b) const { return b.view(s.tokens, s.picks); }
  View<float, 2> by_width(Buffer<float>& b) const { return b.view(s.tokens, s.width); }

  void at_once(Context& ctx) {
    ops::expert_sweep(ctx, {.activation = kind.activation,
                            .rule = rule,
                            .x = by_width(x),
                            .dy = by_width(dy),
                            .gate = by_pick(gate),
                            .hidden = by_pick(hidden),
                            .order = order.view(slots),
                            .expert = expert.view(segments),
                            .begin = begin.view(segments + 1),
                            .rows = pages.rows(),
                            .dgate = by_pick(dgate),
                            .dhidden = by_pick(dhidden),
                            .up_weight = by_pick(up_weight),
                            .dx = by_width(dx)});
  }
  void in_two_ops(Context& ctx) {
    ops::expert_mix_backward(ctx, {kind.activation, id.view(s.tokens, s.picks), by_pick(gate), by_pick(hidden), pages.rows(), by_width(dy),
                                   by_pick(dgate), by_pick(dhidden), by_pick(up_weight), by_width(dx)});
    ops::expert_row_update(ctx, {rule, by_width(x), by_width(dy), by_pick(dhidden), by_pick(up_weight), order.view(slots),
                                 begin.view(segments + 1), 0, expert.view(segments), pages.rows()});
  }
  std::vector<double> rows() const {
    std::vector<double> all;
    for (std::int64_t e = 0; e < s.experts; ++e)
      for (const float w : pages.parameters(e)) all.push_back(w);
    return all;
  }
  // Moments and step counts of trainable pages.
  std::vector<double> states() const {
    std::vector<double> all;
    for (std::int64_t e = 0; e < s.experts; ++e)
      if (pages.rows().page_of(e).trainable) all.insert(all.end(), pages.state(e), pages.state(e) + 4 * s.width + 1);
    return all;
  }
};

bool same_pages(const Case& a, const Case& b) {
  for (std::int64_t p = 0; p < a.pages.page_count(); ++p)
    if (!same_bits(a.pages.memory(p), b.pages.memory(p)) || a.pages.dirty(p) != b.pages.dirty(p)) return false;
  return true;
}

}  // namespace

TEST_CASE("expert_sweep gives the oracle's gradients through rows of fp32 and of bf16, for one thread and for several") {
  for (const int threads : {1, 3})
    for (const Kind& kind : kKinds)
      for (const MixShape& s : kShapes) {
        Context ctx(Device{}, threads);
        Case c(ctx, s, kind);
        auto expected = reference::expert_mix_backward(kind.activation, s, to_doubles(c.x), {c.id.data(), c.id.data() + c.id.size()},
                                                       to_doubles(c.gate), c.pages.down(), c.pages.up(), to_doubles(c.dy));
        for (double& v : expected.dx) v += 0.25;
        c.at_once(ctx);
        CHECK(relative_error(c.dgate, expected.dgate) < 3e-6);
        CHECK(relative_error(c.dhidden, expected.dhidden) < 3e-6);
        CHECK(relative_error(c.up_weight, expected.up_weight) < 3e-6);
        CHECK(relative_error(c.dx, expected.dx) < 3e-6);
      }
}

TEST_CASE("expert_sweep updates the rows of trainable pages as expert_mix_backward and expert_row_update do, and no other") {
  Context ctx;
  for (const Kind& kind : kKinds)
    for (const MixShape& s : kShapes) {
      Case c(ctx, s, kind), expected(ctx, s, kind);
      const Case before(ctx, s, kind);
      c.at_once(ctx), expected.in_two_ops(ctx);
      CHECK(relative_error(c.states(), expected.states()) < 1e-5);
      // A number near the middle between two of bf16 may be rounded to either.
      CHECK(relative_error(c.rows(), expected.rows()) < (kind.element == Element::kFloat32 ? 1e-5 : 8e-3));
      for (std::int64_t p = 0; p < c.pages.page_count(); ++p) {
        CHECK(c.pages.dirty(p) == expected.pages.dirty(p));
        CHECK(same_bits(c.pages.memory(p), before.pages.memory(p)) == !c.pages.dirty(p));
      }
    }
}

TEST_CASE("of expert_sweep only dx depends on the number of threads, and not on the run") {
  for (const Kind& kind : kKinds) {
    Context one(Device{}, 1);
    Case expected(one, kShapes[4], kind);
    expected.at_once(one);
    for (const int threads : {2, 5}) {
      Context ctx(Device{}, threads);
      Case first(ctx, kShapes[4], kind), again(ctx, kShapes[4], kind);
      first.at_once(ctx), again.at_once(ctx);
      CHECK(same_bits(first.dgate, expected.dgate));
      CHECK(same_bits(first.dhidden, expected.dhidden));
      CHECK(same_bits(first.up_weight, expected.up_weight));
      CHECK(same_pages(first, expected));
      CHECK(same_bits(first.dx, again.dx));
      CHECK(relative_error(first.dx, to_doubles(expected.dx)) < 3e-6);
    }
  }
}

TEST_CASE("expert_sweep refuses experts that do not exist, picks left out and a step without its state") {
  Context ctx;
  const MixShape s{5, 3, 4, 6};
  Case timeless(ctx, s, kKinds[0]), beyond(ctx, s, kKinds[0]), fewer(ctx, s, kKinds[0]);
  timeless.rule.now = nullptr;
  CHECK_THROWS_AS(timeless.at_once(ctx), ContractError);
  beyond.expert[0] = s.experts;
  CHECK_THROWS_AS(beyond.at_once(ctx), ContractError);
  fewer.segments -= 1;
  CHECK_THROWS_AS(fewer.at_once(ctx), ContractError);
}
