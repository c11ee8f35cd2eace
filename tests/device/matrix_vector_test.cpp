#include "peer/device/matrix_vector.h"

#include <limits>

#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {

struct Case {
  std::int64_t outputs, inputs, gap;  // gap: numbers between the rows of W
  Buffer<float> x = random_normal(inputs, 1), w = random_normal(outputs * (inputs + gap), 2), y = random_normal(outputs, 3);

  // Through gemm, as the model's maps call it.
  void run(Context& ctx, float beta) {
    gemm(ctx, Matrix<float>(x.data(), 1, inputs, inputs), Transpose::kNo, Matrix<const float>(w.data(), outputs, inputs, inputs + gap),
         Transpose::kYes, beta, Matrix<float>(y.data(), 1, outputs, outputs));
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
