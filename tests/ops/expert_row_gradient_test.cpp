#include "peer/ops/expert_row_gradient.h"

#include "peer/base/error.h"
#include "peer/ops/expert_mix.h"
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
const MixShape kShapes[] = {{1, 1, 1, 1}, {1, 3, 3, 5}, {7, 5, 16, 11}, {33, 8, 67, 7}, {64, 32, 128, 256}};

// The whole backward of the experts: expert_mix, its token-major half, the sort, the expert-major half.
struct Case {
  MixShape s;
  ExpertPages pages{s.width, s.experts, 100};
  std::int64_t slots = s.tokens * s.picks, numbers = s.tokens * s.width;
  Buffer<float> x = random_normal(numbers, 1, 1 / std::sqrt(double(s.width))), gate = random_normal(slots, 2),
                dy = random_normal(numbers, 3);
  Buffer<std::int64_t> id = random_below<std::int64_t>(slots, 4, s.experts), expert{slots};
  Buffer<float> hidden{slots}, dgate{slots}, dhidden{slots}, up_weight{slots}, y{numbers}, dx{numbers};
  Buffer<std::int32_t> order{slots}, begin{slots + 1};
  std::int64_t segments = 0;

  explicit Case(const MixShape& shape) : s(shape) {}
  View<float, 2> by_pick(Buffer<float>& b) { return b.view(s.tokens, s.picks); }
  View<float, 2> by_width(Buffer<float>& b) { return b.view(s.tokens, s.width); }
  void until_sorted(Context& ctx) {
    const View<const std::int64_t, 2> ids = id.view(s.tokens, s.picks);
    ops::expert_mix(ctx, {ActivationKind::kGelu, by_width(x), ids, by_pick(gate), pages.rows(), by_pick(hidden), by_width(y)});
    ops::expert_mix_backward(ctx, {ActivationKind::kGelu, ids, by_pick(gate), by_pick(hidden), pages.rows(), by_width(dy), by_pick(dgate),
                                   by_pick(dhidden), by_pick(up_weight), by_width(dx)});
    segments = ops::row_order(ctx, {ids, s.experts, order.view(slots), expert.view(slots), begin.view(slots + 1)});
  }
  Buffer<float> gradient(Context& ctx, std::int64_t first, std::int64_t count) {
    Buffer<float> out = filled<float>(count * 2 * s.width, 7.0f);
    ops::expert_row_gradient(ctx, {by_width(x), by_width(dy), by_pick(dhidden), by_pick(up_weight), order.view(slots),
                                   begin.view(segments + 1), first, out.view(count, 2 * s.width)});
    return out;
  }
};
}  // namespace

TEST_CASE("expert_row_gradient gives the oracle's gradient of every picked expert") {
  Context ctx;
  for (const MixShape& s : kShapes) {
    Case c(s);
    c.until_sorted(ctx);
    const auto rows = reference::expert_mix_backward(ActivationKind::kGelu, s, to_doubles(c.x), {c.id.data(), c.id.data() + c.slots},
                                                     to_doubles(c.gate), c.pages.down(), c.pages.up(), to_doubles(c.dy));
    std::vector<double> expected;
    for (std::int64_t u = 0; u < c.segments; ++u)
      for (const auto* half : {&rows.ddown, &rows.dup})
        expected.insert(expected.end(), half->begin() + c.expert[u] * s.width, half->begin() + (c.expert[u] + 1) * s.width);
    CHECK(relative_error(c.gradient(ctx, 0, c.segments), expected) < 4e-6);
  }
}

TEST_CASE("expert_row_gradient gives the same bits in chunks and for any number of threads") {
  const MixShape s{64, 32, 67, 200};
  Context one(Device{}, 1);
  Case expected(s);
  expected.until_sorted(one);
  const auto whole = expected.gradient(one, 0, expected.segments);
  for (int threads : {2, 5}) {
    Context ctx(Device{}, threads);
    Case c(s);
    c.until_sorted(ctx);
    CHECK(same_bits(c.gradient(ctx, 0, c.segments), whole));
  }
  for (std::int64_t first = 0; first < expected.segments; first += 60) {
    const std::int64_t count = std::min<std::int64_t>(60, expected.segments - first);
    const auto part = expected.gradient(one, first, count);
    CHECK(std::memcmp(part.data(), whole.data() + first * 2 * s.width, static_cast<std::size_t>(part.bytes())) == 0);
  }
}

TEST_CASE("expert_row_gradient refuses a chunk beyond the segments") {
  Context ctx;
  Case c({7, 5, 16, 11});
  c.until_sorted(ctx);
  CHECK_THROWS_AS(c.gradient(ctx, 1, c.segments), ContractError);
  CHECK_THROWS_AS(c.gradient(ctx, -1, 1), ContractError);
}
