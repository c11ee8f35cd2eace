#include "peer/ops/sum_of_squares.h"

#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

TEST_CASE("sum_of_squares adds in double precision, whatever the size") {
  Context ctx;
  for (std::int64_t size : {0, 1, 3, 16384, 16385, 100003}) {
    const auto x = random_normal(size, 1);
    double expected = 0;
    for (std::int64_t i = 0; i < size; ++i) expected += double{x[i]} * double{x[i]};
    CHECK(ops::sum_of_squares(ctx, {x.view(size)}) == Approx(expected).epsilon(1e-13));
  }
}

TEST_CASE("sum_of_squares gives the same bits for one and two threads") {
  const std::int64_t size = 1000003;
  const auto x = random_normal(size, 1);
  Context one(Device{}, 1), two(Device{}, 2);
  CHECK(ops::sum_of_squares(one, {x.view(size)}) == ops::sum_of_squares(two, {x.view(size)}));
}

TEST_CASE("sum_of_squares lets a number that is not finite show") {
  Context ctx;
  auto x = filled<float>(10, 1.0f);
  x[7] = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(ops::sum_of_squares(ctx, {x.view(10)})));
}
