#include "peer/ops/expert_row_update.h"

#include "peer/base/error.h"
#include "peer/ops/expert_row_gradient.h"
#include "peer/ops/row_order.h"
#include "tests/support/catch.h"
#include "tests/support/expert_pages.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {

constexpr ops::StepState kNow{.step = 3, .share = 0.5};

// Picks of experts on frozen and on trainable pages, sorted.
struct Case {
  static constexpr std::int64_t kTokens = 40, kPicks = 6, kSlots = kTokens * kPicks, kExperts = 90;
  std::int64_t width;
  Element element;
  ExpertPages pages{width, kExperts, 100, PageKinds::kMixed, element};
  Buffer<float> x = random_normal(kTokens * width, 1), dy = random_normal(kTokens * width, 2), dhidden = random_normal(kSlots, 3),
                up_weight = random_normal(kSlots, 4);
  Buffer<std::int64_t> id = random_below<std::int64_t>(kSlots, 5, kExperts), expert{kSlots};
  Buffer<std::int32_t> order{kSlots}, begin{kSlots + 1};
  std::int64_t segments = 0;
  ops::RowRule rule{{1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f}, 2, &kNow, Random(9, Purpose::kRounding)};

  Case(Context& ctx, std::int64_t d, Element e) : width(d), element(e) {
    segments = ops::row_order(ctx, {id.view(kTokens, kPicks), kExperts, order.view(kSlots), expert.view(kSlots), begin.view(kSlots + 1)});
  }
  View<float, 2> by_width(Buffer<float>& b) const { return b.view(kTokens, width); }
  View<float, 2> by_pick(Buffer<float>& b) const { return b.view(kTokens, kPicks); }

  void in_two_ops(Context& ctx) {
    Buffer<float> gradient(segments * 2 * width);
    const auto rows = gradient.view(segments, 2 * width);
    ops::expert_row_gradient(
        ctx, {by_width(x), by_width(dy), by_pick(dhidden), by_pick(up_weight), order.view(kSlots), begin.view(segments + 1), 0, rows});
    ops::adamw_rows(ctx, {rule, expert.view(segments), rows, pages.rows()});
  }
  void at_once(Context& ctx, std::int64_t first, std::int64_t count) {
    ops::expert_row_update(ctx, {rule,
                                 by_width(x),
                                 by_width(dy),
                                 by_pick(dhidden),
                                 by_pick(up_weight),
                                 order.view(kSlots),
                                 begin.view(segments + 1),
                                 first,
                                 {expert.data() + first, count},
                                 pages.rows()});
  }
  bool same_pages(const Case& other) const {
    for (std::int64_t p = 0; p < pages.page_count(); ++p)
      if (!same_bits(pages.memory(p), other.pages.memory(p)) || pages.dirty(p) != other.pages.dirty(p)) return false;
    return true;
  }
};

}  // namespace

TEST_CASE("expert_row_update leaves the bits that expert_row_gradient and adamw_rows leave, in portions and for any number of threads") {
  Context one(Device{}, 1);
  for (const Element element : {Element::kFloat32, Element::kBfloat16})
    for (const std::int64_t width : {1, 16, 67}) {
      Case expected(one, width, element);
      const Case before(one, width, element);
      expected.in_two_ops(one);
      CHECK_FALSE(expected.same_pages(before));
      for (const int threads : {1, 2, 5}) {
        Context ctx(Device{}, threads);
        Case c(ctx, width, element);
        c.at_once(ctx, 0, 20);
        CHECK_FALSE(expected.same_pages(c));
        c.at_once(ctx, 20, c.segments - 20);
        CHECK(expected.same_pages(c));
      }
    }
}

TEST_CASE("expert_row_update refuses experts that do not exist, shapes that do not fit and a step without its state") {
  Context ctx;
  Case c(ctx, 4, Element::kFloat32);
  CHECK_THROWS_AS(c.at_once(ctx, 0, c.segments + 1), ContractError);
  c.expert[0] = Case::kExperts;
  CHECK_THROWS_AS(c.at_once(ctx, 0, 1), ContractError);
  Case timeless(ctx, 4, Element::kFloat32);
  timeless.rule.now = nullptr;
  CHECK_THROWS_AS(timeless.at_once(ctx, 0, 1), ContractError);
}
