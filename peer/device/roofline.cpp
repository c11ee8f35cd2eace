#include "peer/device/roofline.h"

#include <algorithm>
#include <chrono>

#include "peer/base/normal.h"
#include "peer/base/require.h"
#include "peer/device/copy.h"
#include "peer/device/rounded_gemm.h"
#include "peer/device/streaming_sums.h"

namespace peer {
namespace {

constexpr int kRounds = 5;
constexpr std::int64_t kSide = 1024, kDeviceSide = 4096;  // of a CPU, and of a device with a hundred times its multipliers
constexpr std::int64_t kFloats = std::int64_t{1} << 26;   // 256 MiB: beyond any third level of cache

constexpr std::int64_t kPart = 1 << 14;

// The best of some rounds: other programs only make a limit look lower.
template <class Run>
double least_seconds_of(Context& ctx, Run&& run) {
  double least = 1e300;
  for (int round = 0; round < kRounds; ++round) {
    const auto began = std::chrono::steady_clock::now();
    run();
    ctx.wait();
    least = std::min(least, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  }
  return least;
}

double gemm_flops(Context& ctx, Precision precision) {
  const std::int64_t side = ctx.device().is_cpu() ? kSide : kDeviceSide;
  Buffer<float> a(ctx.device(), side * side), b(ctx.device(), side * side), c(ctx.device(), side * side);
  // Not one number throughout: a card that switches fewer gates runs faster than it does at work.
  for (Buffer<float>* x : {&a, &b}) fill_normal(Random(side, Purpose::kInitialise), 0, x->size(), 1.0, x->data());
  const PrecisionScope scope(ctx, precision);
  const auto square = [side](Buffer<float>& x) { return Matrix<float>(x.view(side, side)); };
  const auto multiply = [&] { rounded_gemm(ctx, square(a), Transpose::kNo, square(b), Transpose::kYes, 0, square(c)); };
  const auto n = static_cast<double>(side);
  return 2 * n * n * n / least_seconds_of(ctx, multiply);
}

double read_bytes(Context& ctx) {
  Buffer<float> numbers(kFloats);
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t i = 0; i < kFloats; ++i) numbers[i] = 1.0f;  // memory that was never written is one page of zeros
  float sum = 0;
  const double seconds = least_seconds_of(ctx, [&] {
    const float* x = numbers.data();
#pragma omp parallel for schedule(static) num_threads(ctx.threads()) reduction(+ : sum)
    for (std::int64_t i = 0; i < kFloats; i += kPart) sum += streaming_sum(x + i, std::min(kPart, kFloats - i));
  });
  require(sum > 0, "roofline: what was read must be used");
  return static_cast<double>(numbers.bytes()) / seconds;
}

// A device's memory, both ways at once.
double copied_bytes(Context& ctx) {
  Buffer<float> from(ctx.device(), kFloats), to(ctx.device(), kFloats);
  return 2 * static_cast<double>(from.bytes()) / least_seconds_of(ctx, [&] { queue_copy(ctx, from.view(kFloats), to.view(kFloats)); });
}

}  // namespace

double Roofline::least_seconds(const Work& work) const {
  const auto time = [](double amount, double speed) { return amount > 0 && speed > 0 ? amount / speed : 0.0; };
  return std::max(time(work.flops, flops) + time(work.bf16_flops, bf16_flops), time(work.bytes, bytes));
}

Roofline measure_roofline(Context& ctx, Precision precision) {
  return {.flops = gemm_flops(ctx, Precision::kFp32),
          .bf16_flops = precision == Precision::kBf16 ? gemm_flops(ctx, precision) : 0,
          .bytes = ctx.device().is_cpu() ? read_bytes(ctx) : copied_bytes(ctx)};
}

}  // namespace peer
