#include "peer/ops/vector_math.h"

#include <algorithm>
#include <cmath>

#include "peer/ops/lane_exp.h"
#include "tests/support/catch.h"

using peer::ops::logistic;
using peer::ops::polynomial_exp;
using peer::ops::polynomial_log;

namespace {

float exp2_of(float x) { return peer::ops::exp2_lanes(peer::ops::VectorLanes{} + x)[0]; }

}  // namespace

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

TEST_CASE("polynomial_log has a relative error below 3e-7, is exact at 1, and leaves infinity and NaN alone") {
  double worst = 0;
  for (double power = -125.9; power < 127.9; power += 0.000371) {
    const float argument = static_cast<float>(std::exp2(power));
    const double expected = std::log(static_cast<double>(argument));
    if (expected != 0) worst = std::max(worst, std::abs((polynomial_log(argument) - expected) / expected));
  }
  CHECK(worst < 3e-7);
  CHECK(polynomial_log(1) == 0);
  CHECK(std::isinf(polynomial_log(std::numeric_limits<float>::infinity())));
  CHECK(std::isnan(polynomial_log(std::numeric_limits<float>::quiet_NaN())));
}

TEST_CASE("exp2_lanes has a relative error below 3e-7 and is 0 where the result would be subnormal") {
  double worst = 0;
  for (double x = -126; x < 127.99; x += 0.000731) {
    const double expected = std::exp2(static_cast<double>(static_cast<float>(x)));
    worst = std::max(worst, std::abs(exp2_of(static_cast<float>(x)) - expected) / expected);
  }
  CHECK(worst < 3e-7);
  CHECK(exp2_of(0) == 1);
  for (float x : {-126.5f, -1e9f, -3e38f, -std::numeric_limits<float>::infinity()}) CHECK(exp2_of(x) == 0);
  CHECK(std::isnan(exp2_of(std::numeric_limits<float>::quiet_NaN())));
}

TEST_CASE("logistic saturates at 0 and 1") {
  CHECK(logistic(-1e30f) == 0);
  CHECK(logistic(1e30f) == 1);
  CHECK(logistic(0) == 0.5f);
}
