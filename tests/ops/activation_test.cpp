#include "peer/ops/activation.h"

#include <cmath>
#include <limits>

#include "tests/reference/expert_ops.h"
#include "tests/support/catch.h"

using namespace peer;

TEST_CASE("gelu and its derivative are within 5e-7 of the exact ones, relative to z beyond 1") {
  double error = 0, derivative_error = 0;
  for (int i = -80000; i <= 80000; ++i) {
    const float z = static_cast<float>(i) * 1e-4f;
    const double scale = std::max(1.0, std::abs(static_cast<double>(z)));
    error = std::max(error, std::abs(ops::activate(ActivationKind::kGelu, z) - reference::activate(ActivationKind::kGelu, z)) / scale);
    derivative_error = std::max(derivative_error, std::abs(ops::activate_derivative(ActivationKind::kGelu, z) -
                                                           reference::activate_derivative(ActivationKind::kGelu, z)));
  }
  CHECK(error < 5e-7);
  CHECK(derivative_error < 1e-6);
}

TEST_CASE("gelu is silent far below zero and the identity far above") {
  CHECK(ops::activate(ActivationKind::kGelu, -50.0f) == 0.0f);
  CHECK(ops::activate(ActivationKind::kGelu, 50.0f) == 50.0f);
  CHECK(ops::activate(ActivationKind::kGelu, 0.0f) == 0.0f);
  CHECK(ops::activate_derivative(ActivationKind::kGelu, -50.0f) == 0.0f);
  CHECK(ops::activate_derivative(ActivationKind::kGelu, 50.0f) == 1.0f);
}

TEST_CASE("relu keeps what is positive") {
  CHECK(ops::activate(ActivationKind::kRelu, -2.0f) == 0.0f);
  CHECK(ops::activate(ActivationKind::kRelu, 3.0f) == 3.0f);
  CHECK(ops::activate_derivative(ActivationKind::kRelu, -2.0f) == 0.0f);
  CHECK(ops::activate_derivative(ActivationKind::kRelu, 3.0f) == 1.0f);
}

TEST_CASE("an activation lets NaN through") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(ops::activate(ActivationKind::kGelu, nan)));
  CHECK(std::isnan(ops::activate(ActivationKind::kRelu, nan)));
}

TEST_CASE("the oracle's activation derivatives are derivatives") {
  for (auto kind : {ActivationKind::kGelu, ActivationKind::kRelu})
    for (double z : {-3.1, -0.7, 0.2, 1.9}) {
      const double step = 1e-6;
      const double slope = (reference::activate(kind, z + step) - reference::activate(kind, z - step)) / (2 * step);
      CHECK(reference::activate_derivative(kind, z) == Approx(slope).margin(1e-8));
    }
}
