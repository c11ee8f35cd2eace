#include "peer/device/profile.h"

#include <cmath>

#include "peer/device/gemm.h"
#include "peer/device/roofline.h"
#include "peer/device/timed_step.h"
#include "tests/support/catch.h"
#include "tests/support/random_tensor.h"
#include "tests/support/test_device.h"

using namespace peer;
using namespace peer::test;

namespace {

constexpr std::int64_t kM = 30, kN = 20, kK = 40;

class Products {
 public:
  void multiply(float beta) { gemm(ctx, a_.view(kM, kK), Transpose::kNo, b_.view(kK, kN), Transpose::kNo, beta, c_.view(kM, kN)); }
  Context ctx{Device{}, 1};

 private:
  const Buffer<float> a_ = random_normal(kM * kK, 1), b_ = random_normal(kK * kN, 2);
  Buffer<float> c_ = Buffer<float>(kM * kN);
};

}  // namespace

TEST_CASE("a product counts its multiplications and additions, and its operands and result once") {
  Products products;
  Profile profile;
  products.ctx.set_profile(&profile);
  products.multiply(0);
  REQUIRE(profile.entries().size() == 1);
  CHECK(profile.entries()[0].work.flops == 2.0 * kM * kN * kK);
  CHECK(profile.entries()[0].work.bytes == 4.0 * (kM * kK + kK * kN + kM * kN));
  products.multiply(1);  // C is read too
  CHECK(profile.entries()[0].calls == 2);
  CHECK(profile.entries()[0].work.bytes == 4.0 * (2 * kM * kK + 2 * kK * kN + 3 * kM * kN));
}

TEST_CASE("ops are timed within steps alone, and take no longer than the steps") {
  Products products;
  Profile profile;
  for (int i = 0; i < 3; ++i) {
    products.multiply(0);
    const TimedStep step(products.ctx, &profile);
    products.multiply(0);
    products.multiply(1);
  }
  CHECK(profile.steps() == 3);
  REQUIRE(profile.entries().size() == 1);
  CHECK(profile.entries()[0].calls == 6);
  CHECK(profile.entries()[0].seconds > 0);
  CHECK(profile.entries()[0].seconds <= profile.step_seconds());
}

TEST_CASE("a step without a profile leaves the context as it was") {
  Products products;
  Profile outer;
  products.ctx.set_profile(&outer);
  { const TimedStep step(products.ctx, nullptr); }
  CHECK(products.ctx.profile() == &outer);
}

TEST_CASE("what runs inside of an op is part of it") {
  Products products;
  Profile profile;
  products.ctx.set_profile(&profile);
  {
    const Timed timed(&profile, "whole", [] { return Work{.flops = 7}; });
    products.multiply(0);
  }
  REQUIRE(profile.entries().size() == 1);
  CHECK(profile.entries()[0].name == "whole");
  CHECK(profile.entries()[0].work.flops == 7);
}

TEST_CASE("a timed op has ended when its time is taken, on whatever device it runs") {
  Context ctx(peer::test::test_device());
  Profile profile;
  ctx.set_profile(&profile);
  Buffer<float> a(ctx.device(), 6), b(ctx.device(), 6), c(ctx.device(), 4);
  for (int i = 0; i < 6; ++i) a[i] = b[i] = 1;
  gemm(ctx, Matrix<float>(a.view(2, 3)), Transpose::kNo, Matrix<float>(b.view(3, 2)), Transpose::kNo, 0, c.view(2, 2));
  for (int i = 0; i < 4; ++i) CHECK(c[i] == 3);  // without a wait
  REQUIRE(profile.entries().size() == 1);
  CHECK(profile.entries()[0].work.flops == 24);
}

TEST_CASE("work takes at least the longer of its arithmetic and its traffic") {
  const Roofline limits{.flops = 100, .bf16_flops = 200, .bytes = 10};
  CHECK(limits.least_seconds({.flops = 300, .bytes = 20}) == Approx(3));
  CHECK(limits.least_seconds({.flops = 300, .bf16_flops = 400, .bytes = 20}) == Approx(5));
  CHECK(limits.least_seconds({.flops = 300, .bytes = 50}) == Approx(5));
  CHECK(limits.least_seconds({}) == 0);
}
