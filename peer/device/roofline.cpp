#include "peer/device/roofline.h"

#include <algorithm>
#include <chrono>

#include "peer/base/require.h"
#include "peer/device/rounded_gemm.h"

namespace peer {
namespace {

constexpr int kRounds = 5;
constexpr std::int64_t kSide = 1024;
constexpr std::int64_t kFloats = std::int64_t{1} << 26;  // 256 MiB: beyond any third level of cache

// The best of some rounds: other programs only make a limit look lower.
template <class Run>
double least_seconds_of(Run&& run) {
  double least = 1e300;
  for (int round = 0; round < kRounds; ++round) {
    const auto began = std::chrono::steady_clock::now();
    run();
    least = std::min(least, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  }
  return least;
}

double gemm_flops(Context& ctx, Precision precision) {
  Buffer<float> a(kSide * kSide), b(kSide * kSide), c(kSide * kSide);
  std::fill_n(a.data(), a.size(), 0.5f);
  std::fill_n(b.data(), b.size(), 0.5f);
  const PrecisionScope scope(ctx, precision);
  const auto square = [](Buffer<float>& x) { return Matrix<float>(x.view(kSide, kSide)); };
  const auto multiply = [&] { rounded_gemm(ctx, square(a), Transpose::kNo, square(b), Transpose::kYes, 0, square(c)); };
  return 2.0 * kSide * kSide * kSide / least_seconds_of(multiply);
}

double read_bytes(Context& ctx) {
  Buffer<float> numbers(kFloats);
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t i = 0; i < kFloats; ++i) numbers[i] = 1.0f;  // memory that was never written is one page of zeros
  float sum = 0;
  const double seconds = least_seconds_of([&] {
    const float* x = numbers.data();
#pragma omp parallel for simd schedule(static) num_threads(ctx.threads()) reduction(+ : sum)
    for (std::int64_t i = 0; i < kFloats; ++i) sum += x[i];
  });
  require(sum > 0, "roofline: what was read must be used");
  return static_cast<double>(numbers.bytes()) / seconds;
}

}  // namespace

double Roofline::least_seconds(const Work& work) const {
  const auto time = [](double amount, double speed) { return amount > 0 && speed > 0 ? amount / speed : 0.0; };
  return std::max(time(work.flops, flops) + time(work.bf16_flops, bf16_flops), time(work.bytes, bytes));
}

Roofline measure_roofline(Context& ctx, Precision precision) {
  require(ctx.device().is_cpu(), "roofline: measured on the CPU only");
  return {.flops = gemm_flops(ctx, Precision::kFp32),
          .bf16_flops = precision == Precision::kBf16 ? gemm_flops(ctx, precision) : 0,
          .bytes = read_bytes(ctx)};
}

}  // namespace peer
