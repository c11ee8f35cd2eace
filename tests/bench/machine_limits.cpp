#include "tests/bench/machine_limits.h"

#include <algorithm>

#include "peer/device/gemm.h"
#include "peer/ops/row_kernels.h"

namespace peer::bench {
namespace {

// Measured on a Zen 4: lines asked for one by one, by reads, into the second level of cache reach twice the rate of whole records at once,
// of the first level, or of asking for writing. Further ahead gained nothing.
constexpr std::int64_t kGatherAhead = 8, kModifyAhead = 2;
constexpr std::int64_t kLine = ops::kCacheLineFloats;

volatile std::uint32_t added = 0;  // unknown to the compiler

}  // namespace

float gather_records(const ops::ExpertRows& rows, View<const std::int64_t, 1> id) {
  const std::int64_t count = id.shape[0], floats = rows.parameter_bytes() / static_cast<std::int64_t>(sizeof(float));
  ops::RowLanes sums[4] = {};
  for (std::int64_t i = 0; i < count; ++i) {
    const auto *later = rows.parameters<const float>(id[std::min(i + kGatherAhead, count - 1)]),
               *record = rows.parameters<const float>(id[i]);
    for (std::int64_t j = 0; j < floats; j += 4 * kLine)
      for (std::int64_t q = 0; q < 4; ++q) {
        ops::ask_for_line(later + j + q * kLine);
        sums[q] += ops::load_line(record + j + q * kLine);
      }
  }
  return ops::sum_of_lanes(sums[0] + sums[1] + sums[2] + sums[3]);
}

void modify_records(const ops::ExpertRows& rows, View<const std::int64_t, 1> id) {
  const std::int64_t count = id.shape[0],
                     words = rows.parameter_bytes() / static_cast<std::int64_t>(sizeof(std::uint32_t)) + 4 * rows.width;
  const std::uint32_t nothing = added;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto* later = rows.parameters<const std::uint32_t>(id[std::min(i + kModifyAhead, count - 1)]);
    auto* record = rows.parameters<std::uint32_t>(id[i]);
    for (std::int64_t j = 0; j < words; j += kLine) {
      ops::ask_for_line(later + j);
#pragma omp simd
      for (std::int64_t k = j; k < j + kLine; ++k) record[k] += nothing;
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
