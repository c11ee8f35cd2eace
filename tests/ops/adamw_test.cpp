#include "peer/ops/adamw.h"

#include "peer/base/error.h"
#include "tests/reference/dense_ops.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {
constexpr ops::AdamwRates kRates{.learning_rate = 0.01f, .beta1 = 0.9f, .beta2 = 0.95f, .epsilon = 1e-8f, .weight_decay = 0.1f};
constexpr ops::StepState kFirst{};

struct Parameters {
  std::int64_t size;
  Buffer<float> weight = random_normal(size, 1), m{size}, v{size};
  Buffer<double> squares = filled<double>(1, 36.0);  // of a norm of 6, clipped to 3

  explicit Parameters(std::int64_t p) : size(p) {}
  void step(Context& ctx, std::int64_t step, const Buffer<float>& gradient) {
    const ops::StepState now{.step = step};
    ops::adamw(ctx, {kRates, &now, 3, squares.view(1), gradient.view(size), weight.view(size), m.view(size), v.view(size)});
  }
};
}  // namespace

TEST_CASE("adamw follows the oracle over many steps") {
  Context ctx;
  for (std::int64_t size : {1, 3, 67, 4099}) {
    Parameters p(size);
    reference::AdamwState expected{to_doubles(p.weight), to_doubles(p.m), to_doubles(p.v)};
    for (std::int64_t step = 1; step <= 20; ++step) {
      const auto gradient = random_normal(size, static_cast<std::uint32_t>(10 + step), 0.1);
      p.step(ctx, step, gradient);
      reference::adamw(expected, to_doubles(gradient), {0.01, 0.9, 0.95, 1e-8, 0.1, 0.5}, step);
    }
    CHECK(relative_error(p.weight, expected.weight) < 2e-6);
    CHECK(relative_error(p.m, expected.m) < 2e-6);
    CHECK(relative_error(p.v, expected.v) < 2e-6);
  }
}

TEST_CASE("without gradient, adamw only decays") {
  Context ctx;
  Parameters p(5);
  const auto before = copy_of(p.weight);
  p.step(ctx, 1, Buffer<float>(5));
  for (std::int64_t i = 0; i < 5; ++i) CHECK(p.weight[i] == Approx(before[i] * (1 - 0.01 * 0.1)));
}

TEST_CASE("adamw leaves a gradient as it is whose norm the clip does not exceed, or that is not clipped") {
  Context ctx;
  const auto gradient = random_normal(67, 2);
  Parameters plain(67), within(67);
  ops::adamw(ctx, {kRates, &kFirst, 0, {}, gradient.view(67), plain.weight.view(67), plain.m.view(67), plain.v.view(67)});
  ops::adamw(ctx,
             {kRates, &kFirst, 6, within.squares.view(1), gradient.view(67), within.weight.view(67), within.m.view(67), within.v.view(67)});
  CHECK(same_bits(plain.weight, within.weight));
  CHECK_THROWS_AS(ops::adamw(ctx, {kRates, &kFirst, 6, {}, gradient.view(67), plain.weight.view(67), plain.m.view(67), plain.v.view(67)}),
                  ContractError);
}

TEST_CASE("lazy adamw leaves a row without any gradient as it is, moments included, and updates the others as ever") {
  constexpr std::int64_t kRows = 67, kRow = 13, kSize = kRows * kRow;
  for (int threads : {1, 3}) {
    Context ctx(Device{}, threads);
    Parameters plain(kSize), lazy(kSize);
    const auto untouched = [](std::int64_t row) { return row % 3 == 0; };
    for (std::int64_t step = 1; step <= 4; ++step) {
      auto gradient = random_normal(kSize, static_cast<std::uint32_t>(step), 0.1);
      if (step > 1)  // so that there are moments, by which a plain update moves a row
        for (std::int64_t i = 0; i < kSize; ++i)
          if (untouched(i / kRow) || i % kRow != 5) gradient[i] = 0;  // one number is enough to touch a row
      const auto weight = copy_of(lazy.weight), m = copy_of(lazy.m), v = copy_of(lazy.v);
      const ops::StepState now{.step = step};
      const auto update = [&](Parameters& p, std::int64_t lazy_row) {
        ops::adamw(ctx, {kRates, &now, 3, p.squares.view(1), gradient.view(kSize), p.weight.view(kSize), p.m.view(kSize), p.v.view(kSize),
                         lazy_row});
      };
      update(plain, 0), update(lazy, kRow);
      for (std::int64_t i = 0; i < kSize; ++i) {
        INFO("step " << step << ", number " << i);
        if (step > 1 && untouched(i / kRow)) {
          REQUIRE((lazy.weight[i] == weight[i] && lazy.m[i] == m[i] && lazy.v[i] == v[i]));
          REQUIRE(plain.weight[i] != weight[i]);
        } else {
          REQUIRE(lazy.weight[i] == Approx(plain.weight[i]).epsilon(1e-6));
          REQUIRE(lazy.m[i] == Approx(plain.m[i]).epsilon(1e-6));
          REQUIRE(lazy.v[i] == Approx(plain.v[i]).epsilon(1e-6));
        }
      }
    }
  }
}

TEST_CASE("adamw gives the same bits for any number of threads") {
  const auto gradient = random_normal(4099, 2);
  Context one(Device{}, 1);
  Parameters expected(4099);
  expected.step(one, 3, gradient);
  for (int threads : {2, 3}) {
    Context ctx(Device{}, threads);
    Parameters p(4099);
    p.step(ctx, 3, gradient);
    CHECK(same_bits(p.weight, expected.weight));
    CHECK(same_bits(p.m, expected.m));
    CHECK(same_bits(p.v, expected.v));
  }
}

TEST_CASE("adamw refuses sizes that do not fit and a step before the first") {
  Context ctx;
  Parameters p(4);
  Buffer<float> gradient(4);
  CHECK_THROWS_AS(p.step(ctx, 0, gradient), ContractError);
  CHECK_THROWS_AS(ops::adamw(ctx, {kRates, &kFirst, 0, {}, gradient.view(3), p.weight.view(4), p.m.view(4), p.v.view(4)}), ContractError);
  CHECK_THROWS_AS(ops::adamw(ctx, {kRates, &kFirst, 0, {}, gradient.view(4), p.weight.view(4), p.m.view(4), p.v.view(3)}), ContractError);
  CHECK_THROWS_AS(ops::adamw(ctx, {kRates, &kFirst, 0, {}, gradient.view(4), p.weight.view(4), p.m.view(4), p.v.view(4), 3}),
                  ContractError);
}
