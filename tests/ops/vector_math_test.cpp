#include "peer/ops/vector_math.h"

#include <algorithm>
#include <cmath>

#include "tests/support/catch.h"

using peer::ops::logistic;
using peer::ops::polynomial_exp;

TEST_CASE("polynomial_exp has a relative error below 3e-7 wherever the result is a normal number") {
  double worst = 0;
  for (double x = -87.29; x < 88.36; x += 0.000731) {
    const float argument = static_cast<float>(x);
    const double expected = std::exp(static_cast<double>(argument));
    worst = std::max(worst, std::abs(polynomial_exp(argument) - expected) / expected);
  }
  CHECK(worst < 3e-7);
}

TEST_CASE("polynomial_exp is exact at 0 and has the limits of exp at both ends") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  CHECK(polynomial_exp(0) == 1);
  for (float x : {-87.31f, -100.0f, -1e9f, -3e38f, -kInfinity}) CHECK(polynomial_exp(x) == 0);
  for (float x : {88.38f, 1e9f, 3e38f, kInfinity}) CHECK(polynomial_exp(x) == kInfinity);
  CHECK(std::isnan(polynomial_exp(std::numeric_limits<float>::quiet_NaN())));
}

TEST_CASE("polynomial_exp gives the same numbers inside a vector loop") {
  float x[1003], y[1003];
  for (int i = 0; i < 1003; ++i) x[i] = -95.0f + 0.19f * static_cast<float>(i);
#pragma omp simd
  for (int i = 0; i < 1003; ++i) y[i] = polynomial_exp(x[i]);
  for (int i = 0; i < 1003; ++i) {
    const double expected = std::exp(static_cast<double>(x[i]));
    if (x[i] < -87.3f)
      REQUIRE(y[i] == 0);
    else if (x[i] > 88.37f)
      REQUIRE(std::isinf(y[i]));
    else
      REQUIRE(std::abs(y[i] - expected) <= 3e-7 * expected);
  }
}

TEST_CASE("logistic saturates at 0 and 1") {
  CHECK(logistic(-1e30f) == 0);
  CHECK(logistic(1e30f) == 1);
  CHECK(logistic(0) == 0.5f);
}
