#include "peer/ops/rotary.h"

#include <cmath>

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

void rotate(Context& ctx, const Case& c, Buffer<float>& x, bool inverse, std::int64_t first_position,
            const ops::RotaryScaling& scaling = {}, double theta = 10000) {
  ops::rotary(ctx, {x.view(c.shape.batch, c.shape.time, c.shape.heads, c.shape.width), first_position, theta, inverse, scaling});
}

const ops::RotaryScaling kLlama31{.factor = 8, .original_context = 8192, .low_frequency = 1, .high_frequency = 4};
const ops::RotaryScaling kLinear{.factor = 2.5};
}  // namespace

TEST_CASE("rotary agrees with the oracle in both directions") {
  Context ctx;
  for (const Case& c : kCases)
    for (bool inverse : {false, true}) {
      auto x = random_normal(c.size(), 1);
      const auto expected =
          reference::rotary(to_doubles(x), c.shape, c.first_position, reference::rotary_frequencies(c.shape.width, 10000), inverse);
      rotate(ctx, c, x, inverse, c.first_position);
      CHECK(relative_error(x, expected) < 1e-6);
    }
}

TEST_CASE("a rotation is a function of its own positions, whatever was rotated before") {
  Context ctx(Device{}, 2);
  struct Call {
    Case c;
    double theta = 10000;
    ops::RotaryScaling scaling = {};
  };
  const Call calls[] = {{{{2, 67, 3, 6}, 13}},
                        {{{2, 67, 3, 6}, 14}},
                        {{{2, 66, 3, 6}, 13}},
                        {{{2, 67, 3, 4}, 13}},
                        {{{2, 67, 3, 6}, 13}, 10001},
                        {{{1, 1, 3, 6}, 79}},
                        {{{2, 67, 3, 6}, 13}, 10000, kLinear}};
  const auto rotated = [&](const Call& call) {
    auto x = random_normal(call.c.size(), 1);
    rotate(ctx, call.c, x, false, call.c.first_position, call.scaling, call.theta);
    return x;
  };
  for (const Call& call : calls) {
    const Buffer<float> alone = rotated(call), again = rotated(call);
    CHECK(same_bits(alone, again));
    for (const Call& other : calls) {
      const Buffer<float> before = rotated(other), after = rotated(call);
      CHECK(same_bits(after, alone));
      const bool same = &other == &call;
      if (before.size() == alone.size()) CHECK(same_bits(before, alone) == same);
    }
  }
}

TEST_CASE("scaled frequencies agree with the oracle, below, within and beyond the context that they were trained on") {
  Context ctx;
  constexpr double kTheta = 500000;
  const auto check = [&](const Case& c, const ops::RotaryScaling& scaling, const reference::Numbers& frequency) {
    CAPTURE(c.first_position, scaling.factor, scaling.original_context);
    for (bool inverse : {false, true}) {
      auto x = random_normal(c.size(), 1);
      const auto expected = reference::rotary(to_doubles(x), c.shape, c.first_position, frequency, inverse);
      rotate(ctx, c, x, inverse, c.first_position, scaling, kTheta);
      CHECK(relative_error(x, expected) < 1e-6);
    }
  };
  for (const Case& c : {Case{{1, 33, 2, 128}, 0}, Case{{2, 17, 3, 64}, 8190}, Case{{1, 1, 2, 128}, 131071}}) {
    const auto plain = reference::rotary_frequencies(c.shape.width, kTheta);
    check(c, kLlama31, reference::llama3_frequencies(plain, 8, 1, 4, 8192));
    check(c, {.factor = 32, .original_context = 4096, .low_frequency = 0.5, .high_frequency = 6.5},
          reference::llama3_frequencies(plain, 32, 0.5, 6.5, 4096));
    check(c, kLinear, reference::interpolated_frequencies(plain, 2.5));
  }
}

TEST_CASE("Llama 3.1 keeps the frequencies that turn often, divides those that do not, and none jumps between") {
  const auto scaled = [](double turns) { return ops::scaled_frequency(turns, kLlama31) / turns; };
  constexpr double kTurn = 2 * 3.141592653589793 / 8192;
  CHECK(scaled(4.001 * kTurn) == 1);
  CHECK(scaled(0.999 * kTurn) == 1.0 / 8);
  CHECK(scaled(2.5 * kTurn) == Approx((1 + 1.0 / 8) / 2));
  for (double turns = 0.9; turns < 4.1; turns += 0.01) REQUIRE(std::abs(scaled(turns * kTurn) - scaled((turns + 0.01) * kTurn)) < 0.004);
}

TEST_CASE("a factor of 1 changes no bit of a rotation") {
  Context ctx;
  const Case c{{2, 67, 3, 64}, 13};
  auto plain = random_normal(c.size(), 1), scaled = random_normal(c.size(), 1);
  rotate(ctx, c, plain, false, 13);
  rotate(ctx, c, scaled, false, 13, {.factor = 1, .original_context = 16, .low_frequency = 2, .high_frequency = 3});
  for (std::int64_t i = 0; i < c.size(); ++i) REQUIRE(plain[i] == scaled[i]);
}

TEST_CASE("the inverse rotation is the derivative of the rotation") {
  const reference::HeadShape shape{1, 3, 2, 4};
  auto x = to_doubles(random_normal(24, 1));
  const auto dy = random_normal(24, 2);
  const auto frequency = reference::rotary_frequencies(shape.width, 10000);
  const auto expected =
      finite_differences(x, [&] { return inner_product(to_doubles(dy), reference::rotary(x, shape, 5, frequency, false)); });
  Context ctx;
  auto dx = copy_of(dy);
  rotate(ctx, {shape, 5}, dx, true, 5);
  CHECK(relative_error(dx, expected) < 1e-6);
}

TEST_CASE("a token is rotated the same, to the last bit, wherever its window begins and for any number of threads") {
  Context one(Device{}, 1), three(Device{}, 3);
  const Case whole{{1, 67, 2, 8}, 0}, tail{{1, 30, 2, 8}, 37};
  for (const ops::RotaryScaling& scaling : {ops::RotaryScaling{}, kLlama31, kLinear}) {
    auto x = random_normal(whole.size(), 1);
    Buffer<float> end(tail.size());
    for (std::int64_t i = 0; i < tail.size(); ++i) end[i] = x[37 * 16 + i];
    rotate(one, whole, x, false, 0, scaling);
    rotate(three, tail, end, false, 37, scaling);
    for (std::int64_t i = 0; i < tail.size(); ++i) REQUIRE(end[i] == x[37 * 16 + i]);
  }
}

TEST_CASE("rotary refuses an odd width, a negative position and a scaling that is none") {
  Context ctx;
  Buffer<float> x(12);
  CHECK_THROWS_AS(ops::rotary(ctx, {x.view(1, 2, 2, 3)}), ContractError);
  CHECK_THROWS_AS(ops::rotary(ctx, {x.view(1, 3, 2, 2), -1}), ContractError);
  for (const ops::RotaryScaling& scaling : {ops::RotaryScaling{.factor = 0}, ops::RotaryScaling{.factor = 2, .original_context = -1},
                                            ops::RotaryScaling{.factor = 2, .original_context = 8, .low_frequency = 4}})
    CHECK_THROWS_AS(ops::rotary(ctx, {.x = x.view(1, 3, 2, 2), .scaling = scaling}), ContractError);
}
