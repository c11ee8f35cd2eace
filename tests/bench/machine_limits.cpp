#include "tests/bench/machine_limits.h"

#include <algorithm>

#include "peer/device/gemm.h"
#include "peer/ops/row_kernels.h"

namespace peer::bench {
namespace {

// Into the second level of cache, by reads, in step with the arithmetic: on a Zen 4 twice as fast as asking for writing or into the first
// level, whose few miss buffers a record fills. Further ahead gained nothing.
constexpr std::int64_t kGatherAhead = 8, kModifyAhead = 2;
constexpr std::int64_t kLine = 16;  // floats

}  // namespace

float gather_records(const ops::ExpertRows& rows, View<const std::int64_t, 1> id) {
  const std::int64_t count = id.shape[0], floats = 2 * rows.width;
  float sum = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    ops::prefetch_floats<2>(rows.record(id[std::min(i + kGatherAhead, count - 1)]), floats);
    const float* record = rows.record(id[i]);
#pragma omp simd reduction(+ : sum)
    for (std::int64_t j = 0; j < floats; ++j) sum += record[j];
  }
  return sum;
}

void modify_records(const ops::ExpertRows& rows, View<const std::int64_t, 1> id) {
  const std::int64_t count = id.shape[0], floats = 6 * rows.width;
  for (std::int64_t i = 0; i < count; ++i) {
    const float* later = rows.record(id[std::min(i + kModifyAhead, count - 1)]);
    float* record = rows.record(id[i]);
    for (std::int64_t j = 0; j < floats; j += kLine) {
      __builtin_prefetch(later + j, 0, 2);
#pragma omp simd
      for (std::int64_t k = j; k < j + kLine; ++k) record[k] *= 0.999f;
    }
  }
}

SquareGemm::SquareGemm() : a_(kSide * kSide), b_(kSide * kSide), c_(kSide * kSide) {
  std::fill_n(a_.data(), a_.size(), 0.5f);
  std::fill_n(b_.data(), b_.size(), 0.5f);
}

void SquareGemm::run(Context& ctx) {
  const auto square = [](Buffer<float>& b) { return Matrix<float>(b.view(kSide, kSide)); };
  gemm(ctx, square(a_), Transpose::kNo, square(b_), Transpose::kNo, 0, square(c_));
}

}  // namespace peer::bench
