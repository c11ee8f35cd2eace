#include "peer/ops/rotary.h"

#include "peer/base/error.h"
#include "tests/reference/dense_ops.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {
struct Case {
  reference::HeadShape shape;
  std::int64_t first_position;
  std::int64_t size() const { return shape.batch * shape.time * shape.heads * shape.width; }
};
const Case kCases[] = {{{1, 1, 1, 2}, 0}, {{2, 67, 3, 6}, 0}, {{2, 67, 3, 6}, 13}, {{1, 33, 2, 64}, 100000}, {{3, 16, 1, 32}, 16}};

void rotate(Context& ctx, const Case& c, Buffer<float>& x, bool inverse, std::int64_t first_position) {
  ops::rotary(ctx, {x.view(c.shape.batch, c.shape.time, c.shape.heads, c.shape.width), first_position, 10000.0, inverse});
}
}  // namespace

TEST_CASE("rotary agrees with the oracle in both directions") {
  Context ctx;
  for (const Case& c : kCases)
    for (bool inverse : {false, true}) {
      auto x = random_normal(c.size(), 1);
      const auto expected = reference::rotary(to_doubles(x), c.shape, c.first_position, 10000, inverse);
      rotate(ctx, c, x, inverse, c.first_position);
      CHECK(relative_error(x, expected) < 1e-6);
    }
}

TEST_CASE("the inverse rotation is the derivative of the rotation") {
  const reference::HeadShape shape{1, 3, 2, 4};
  auto x = to_doubles(random_normal(24, 1));
  const auto dy = random_normal(24, 2);
  const auto expected = finite_differences(x, [&] { return inner_product(to_doubles(dy), reference::rotary(x, shape, 5, 10000, false)); });
  Context ctx;
  auto dx = copy_of(dy);
  rotate(ctx, {shape, 5}, dx, true, 5);
  CHECK(relative_error(dx, expected) < 1e-6);
}

TEST_CASE("a token is rotated the same, to the last bit, wherever its window begins and for any number of threads") {
  Context one(Device{}, 1), three(Device{}, 3);
  const Case whole{{1, 67, 2, 8}, 0}, tail{{1, 30, 2, 8}, 37};
  auto x = random_normal(whole.size(), 1);
  Buffer<float> end(tail.size());
  for (std::int64_t i = 0; i < tail.size(); ++i) end[i] = x[37 * 16 + i];
  rotate(one, whole, x, false, 0);
  rotate(three, tail, end, false, 37);
  for (std::int64_t i = 0; i < tail.size(); ++i) REQUIRE(end[i] == x[37 * 16 + i]);
}

TEST_CASE("rotary refuses an odd width and a negative position") {
  Context ctx;
  Buffer<float> x(12);
  CHECK_THROWS_AS(ops::rotary(ctx, {x.view(1, 2, 2, 3)}), ContractError);
  CHECK_THROWS_AS(ops::rotary(ctx, {x.view(1, 3, 2, 2), -1}), ContractError);
}
