#include "peer/ops/axpby.h"

#include <limits>

#include "peer/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

TEST_CASE("axpby scales both and adds them") {
  Context ctx;
  for (const std::int64_t n : {0, 1, 7, 4097}) {
    const Buffer<float> x = random_normal(n, 1);
    Buffer<float> y = random_normal(n, 2);
    std::vector<double> expected = to_doubles(y);
    for (std::int64_t i = 0; i < n; ++i)
      expected[static_cast<std::size_t>(i)] = 1.5 * static_cast<double>(x[i]) - 0.25 * static_cast<double>(y[i]);
    ops::axpby(ctx, {.a = 1.5f, .x = x.view(n), .b = -0.25f, .y = y.view(n)});
    CHECK(relative_error(y, expected) < 1e-6);
  }
}

TEST_CASE("axpby with b = 0 does not read y, which may be no number") {
  Context ctx;
  Buffer<float> x = random_normal(33, 1), y(33);
  for (std::int64_t i = 0; i < 33; ++i) y[i] = std::numeric_limits<float>::quiet_NaN();
  ops::axpby(ctx, {.a = 2, .x = x.view(33), .b = 0, .y = y.view(33)});
  for (std::int64_t i = 0; i < 33; ++i) CHECK(y[i] == 2 * x[i]);
}

TEST_CASE("axpby refuses lengths that differ") {
  Context ctx;
  Buffer<float> x(3), y(4);
  CHECK_THROWS_AS(ops::axpby(ctx, {.a = 1, .x = x.view(3), .b = 1, .y = y.view(4)}), ContractError);
}
