#include "peer/device/matrix_vector.h"

#include <algorithm>
#include <limits>

#include "peer/device/rounded_gemm.h"

#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {

struct Case {
  std::int64_t outputs, inputs, gap;  // gap: numbers between the rows of W
  Buffer<float> x = random_normal(inputs, 1), w = random_normal(outputs * (inputs + gap), 2), y = random_normal(outputs, 3);

  Matrix<const float> weight() const { return {w.data(), outputs, inputs, inputs + gap}; }
  // Through the products that the model's maps call, in ctx's precision.
  void run(Context& ctx, float beta) { run(ctx, weight(), beta); }
  void run(Context& ctx, const Operand& map, float beta) {
    rounded_gemm(ctx, Matrix<float>(x.data(), 1, inputs, inputs), Transpose::kNo, map, Transpose::kYes, beta,
                 Matrix<float>(y.data(), 1, outputs, outputs));
  }
  // What bf16 makes of the numbers.
  void round() {
    for (Buffer<float>* numbers : {&x, &w})
      for (std::int64_t i = 0; i < numbers->size(); ++i) (*numbers)[i] = Bfloat16{bfloat16_of((*numbers)[i])};
  }
  std::vector<double> expected(float beta) const {
    std::vector<double> out;
    for (std::int64_t j = 0; j < outputs; ++j) {
      double sum = beta == 0 ? 0 : double{beta} * double{y[j]};
      for (std::int64_t i = 0; i < inputs; ++i) sum += double{x[i]} * double{w[j * (inputs + gap) + i]};
      out.push_back(sum);
    }
    return out;
  }
};

}  // namespace

TEST_CASE("a linear map of one token gives the oracle's sums on every path of the CPU") {
  for (const CpuPath path : runnable_cpu_paths())
    for (const auto& [outputs, inputs, gap] : {std::tuple{1, 1, 0}, {5, 3, 2}, {7, 31, 0}, {3, 64, 5}, {130, 257, 1}, {400, 768, 0}})
      for (const float beta : {0.0f, 1.0f, -0.5f}) {
        CAPTURE(to_text(path), outputs, inputs, gap, beta);
        Context ctx(Device{}, 1, path);
        Case c{outputs, inputs, gap};
        const std::vector<double> expected = c.expected(beta);
        c.run(ctx, beta);
        CHECK(relative_error(c.y, expected, 1) < 1e-6);  // products of about 1, which may cancel
      }
}

TEST_CASE("a linear map of one token in bf16 gives the oracle's sums of the rounded operands on every path of the CPU") {
  for (const CpuPath path : runnable_cpu_paths())
    for (const auto& [outputs, inputs, gap] :
         {std::tuple{1, 1, 0}, {5, 3, 2}, {7, 31, 1}, {3, 64, 5}, {6, 159, 0}, {130, 257, 1}, {400, 768, 0}, {40, 1000, 0}})
      for (const float beta : {0.0f, 1.0f, -0.5f}) {
        CAPTURE(to_text(path), outputs, inputs, gap, beta);
        Context ctx(Device{}, 1, path);
        const PrecisionScope scope(ctx, Precision::kBf16);
        Case c{outputs, inputs, gap}, rounded{outputs, inputs, gap};
        rounded.round();
        const std::vector<double> expected = rounded.expected(beta);
        c.run(ctx, beta);
        CHECK(relative_error(c.y, expected, 1) < 2e-6);
      }
}

TEST_CASE("a map that was rounded ahead gives a token the bits of one that is rounded at its use, also between other numbers") {
  Context ctx(Device{}, 1);
  const PrecisionScope scope(ctx, Precision::kBf16);
  Case at_use{33, 77, 4}, ahead{33, 77, 4};
  at_use.run(ctx, 1);
  const Buffer<Bfloat16> copy = rounded_copy(ctx, ahead.weight());
  REQUIRE(copy.size() == 33 * 77);
  ahead.run(ctx, Operand(copy.view(33, 77)), 1);
  CHECK(same_bits(ahead.y, at_use.y));
}

TEST_CASE("a token of bf16 gives the same bits for any number of threads") {
  Case one{900, 300, 4};
  Context ctx(Device{}, 1);
  const PrecisionScope scope(ctx, Precision::kBf16);
  one.run(ctx, 0);
  for (const int threads : {2, 5}) {
    Case c{900, 300, 4};
    Context several(Device{}, threads);
    const PrecisionScope scope_of_several(several, Precision::kBf16);
    c.run(several, 0);
    CHECK(same_bits(c.y, one.y));
  }
}

TEST_CASE("a linear map of one token sets what was not a number, and gives the same bits for any number of threads") {
  Case one{900, 300, 4};
  one.y[0] = std::numeric_limits<float>::quiet_NaN();
  Context ctx(Device{}, 1);
  one.run(ctx, 0);
  for (const int threads : {2, 5}) {
    Case c{900, 300, 4};
    Context several(Device{}, threads);
    c.run(several, 0);
    CHECK(same_bits(c.y, one.y));
  }
}
