#include "peer/device/rounded_gemm.h"

#include <cmath>

#include "peer/base/element.h"
#include "peer/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {

bool multiplies_bf16() {
  try {
    check_precision(Device{}, Precision::kBf16);
    return true;
  } catch (const DeviceError&) {
    return false;
  }
}

double rounded(float value) { return std::bit_cast<float>(static_cast<std::uint32_t>(bfloat16_of(value)) << 16); }

// Element (i, j) of op(A).
double at(const Matrix<const float>& a, Transpose flipped, std::int64_t i, std::int64_t j) {
  return rounded(flipped == Transpose::kYes ? a.data[j * a.stride + i] : a.data[i * a.stride + j]);
}

}  // namespace

TEST_CASE("a bf16 product is that of the rounded operands, summed in fp32 and added to what was there, on every CPU") {
  Context ctx(Device{}, 1);
  const PrecisionScope scope(ctx, Precision::kBf16);
  const std::int64_t m = 37, n = 21, k = 50, gap = 3;
  for (const Transpose ta : {Transpose::kNo, Transpose::kYes})
    for (const Transpose tb : {Transpose::kNo, Transpose::kYes})
      for (const float beta : {0.0f, 1.0f}) {
        const bool a_flipped = ta == Transpose::kYes, b_flipped = tb == Transpose::kYes;
        const std::int64_t a_columns = a_flipped ? m : k, b_columns = b_flipped ? k : n;
        const auto a_numbers = random_normal((a_flipped ? k : m) * (a_columns + gap), 1);
        const auto b_numbers = random_normal((b_flipped ? n : k) * (b_columns + gap), 2);
        const Matrix<const float> a(a_numbers.data(), a_flipped ? k : m, a_columns, a_columns + gap);
        const Matrix<const float> b(b_numbers.data(), b_flipped ? n : k, b_columns, b_columns + gap);
        auto c = random_normal(m * (n + gap), 3);
        const auto before = copy_of(c);
        rounded_gemm(ctx, a, ta, b, tb, beta, Matrix<float>(c.data(), m, n, n + gap));
        double worst = 0;
        for (std::int64_t i = 0; i < m; ++i)
          for (std::int64_t j = 0; j < n; ++j) {
            double sum = double{beta} * double{before[i * (n + gap) + j]};
            for (std::int64_t l = 0; l < k; ++l) sum += at(a, ta, i, l) * at(b, tb, l, j);
            worst = std::max(worst, std::fabs(sum - double{c[i * (n + gap) + j]}));
          }
        CAPTURE(a_flipped, b_flipped, beta);
        CHECK(worst < 2e-5);
        for (std::int64_t i = 0; i + 1 < m; ++i) REQUIRE(c[i * (n + gap) + n] == before[i * (n + gap) + n]);  // beside C
      }
}

TEST_CASE("a left operand of several products gives each the bits of its own rounded_gemm") {
  for (const Precision precision : {Precision::kFp32, Precision::kBf16}) {
    Context ctx(Device{}, 1);
    const PrecisionScope scope(ctx, precision);
    const auto dy = random_normal(30 * 17, 1), weight = random_normal(17 * 40, 2), x = random_normal(30 * 40, 3);
    Buffer<float> dx(30 * 40), dx_alone(30 * 40), dweight = random_normal(17 * 40, 4), dweight_alone = random_normal(17 * 40, 4);
    const Operand left = rounded_left(ctx, dy.view(30, 17));
    rounded_gemm(ctx, left, Transpose::kNo, weight.view(17, 40), Transpose::kNo, 0, dx.view(30, 40));
    rounded_gemm(ctx, left, Transpose::kYes, x.view(30, 40), Transpose::kNo, 1, dweight.view(17, 40));
    rounded_gemm(ctx, dy.view(30, 17), Transpose::kNo, weight.view(17, 40), Transpose::kNo, 0, dx_alone.view(30, 40));
    rounded_gemm(ctx, dy.view(30, 17), Transpose::kYes, x.view(30, 40), Transpose::kNo, 1, dweight_alone.view(17, 40));
    CHECK(same_bits(dx, dx_alone));
    CHECK(same_bits(dweight, dweight_alone));
  }
}

TEST_CASE("operands that are rounded already give a product the bits of those that it rounds") {
  Context ctx(Device{}, 1);
  const PrecisionScope scope(ctx, Precision::kBf16);
  const std::int64_t m = 30, n = 20, k = 41;
  const auto a = random_normal(m * k, 1), b = random_normal(n * k, 2);
  Buffer<Bfloat16> a_rounded(m * k), b_rounded(n * k);
  for (std::int64_t i = 0; i < m * k; ++i) a_rounded[i].bits = bfloat16_of(a[i]);
  for (std::int64_t i = 0; i < n * k; ++i) b_rounded[i].bits = bfloat16_of(b[i]);
  const Operand left(a_rounded.view(m, k)), right(b_rounded.view(n, k));
  Buffer<float> plain(m * n), of_left(m * n), of_right(m * n), of_both(m * n);
  rounded_gemm(ctx, a.view(m, k), Transpose::kNo, b.view(n, k), Transpose::kYes, 0, plain.view(m, n));
  rounded_gemm(ctx, left, Transpose::kNo, b.view(n, k), Transpose::kYes, 0, of_left.view(m, n));
  rounded_gemm(ctx, a.view(m, k), Transpose::kNo, right, Transpose::kYes, 0, of_right.view(m, n));
  rounded_gemm(ctx, rounded_left(ctx, left), Transpose::kNo, right, Transpose::kYes, 0, of_both.view(m, n));
  CHECK(same_bits(of_left, plain));
  CHECK(same_bits(of_right, plain));
  CHECK(same_bits(of_both, plain));
}

TEST_CASE("rounded_gemm of a context that was given no precision has the bits of gemm") {
  Context ctx(Device{}, 1);
  const auto a = random_normal(30 * 40, 1), b = random_normal(20 * 40, 2);
  Buffer<float> plain(30 * 20), rounding(30 * 20);
  gemm(ctx, a.view(30, 40), Transpose::kNo, b.view(20, 40), Transpose::kYes, 0, plain.view(30, 20));
  rounded_gemm(ctx, a.view(30, 40), Transpose::kNo, b.view(20, 40), Transpose::kYes, 0, rounding.view(30, 20));
  for (std::int64_t i = 0; i < plain.size(); ++i) REQUIRE(plain[i] == rounding[i]);
}

TEST_CASE("a precision ends with its scope") {
  Context ctx(Device{}, 1);
  {
    const PrecisionScope scope(ctx, Precision::kBf16);
    CHECK(ctx.precision() == Precision::kBf16);
  }
  CHECK(ctx.precision() == Precision::kFp32);
}

TEST_CASE("a CPU that does not multiply bf16 refuses it for many tokens; every device multiplies fp32, and a CUDA device both") {
  if (multiplies_bf16())
    CHECK_NOTHROW(check_precision({}, Precision::kBf16));
  else
    CHECK_THROWS_AS(check_precision({}, Precision::kBf16), DeviceError);
  CHECK_NOTHROW(check_precision({}, Precision::kFp32));
  for (const Precision precision : {Precision::kFp32, Precision::kBf16}) CHECK_NOTHROW(check_precision(parse_device("cuda"), precision));
}
