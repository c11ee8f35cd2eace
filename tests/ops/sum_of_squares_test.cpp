#include "peer/ops/sum_of_squares.h"

#include "peer/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {

double sum_of_squares(Context& ctx, const Buffer<float>& x) {
  Buffer<double> sum(1);
  ops::sum_of_squares(ctx, {x.view(x.size()), sum.view(1)});
  return sum[0];
}

}  // namespace

TEST_CASE("sum_of_squares adds in double precision, whatever the size") {
  Context ctx;
  for (std::int64_t size : {0, 1, 3, 16384, 16385, 100003}) {
    const auto x = random_normal(size, 1);
    double expected = 0;
    for (std::int64_t i = 0; i < size; ++i) expected += double{x[i]} * double{x[i]};
    CHECK(sum_of_squares(ctx, x) == Approx(expected).epsilon(1e-13));
  }
}

TEST_CASE("sum_of_squares adds to what is there") {
  Context ctx;
  const auto x = filled<float>(4, 3.0f);
  Buffer<double> sum(1);
  sum[0] = 100;
  ops::sum_of_squares(ctx, {x.view(4), sum.view(1)});
  CHECK(sum[0] == 136);
  Buffer<double> two(2);
  CHECK_THROWS_AS(ops::sum_of_squares(ctx, {x.view(4), two.view(2)}), ContractError);
}

TEST_CASE("sum_of_squares gives the same bits for one and two threads") {
  const auto x = random_normal(1000003, 1);
  Context one(Device{}, 1), two(Device{}, 2);
  CHECK(sum_of_squares(one, x) == sum_of_squares(two, x));
}

TEST_CASE("sum_of_squares lets a number that is not finite show") {
  Context ctx;
  auto x = filled<float>(10, 1.0f);
  x[7] = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(sum_of_squares(ctx, x)));
}
