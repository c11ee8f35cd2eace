#include "peer/device/rounded_gemm.h"

#include <dnnl.h>

#include <algorithm>

#include "peer/base/element.h"
#include "peer/base/error.h"
#include "peer/base/require.h"
#include "peer/device/bf16_products.h"
#include "peer/device/cuda_backend.h"
#include "peer/device/cuda_build.h"
#include "peer/device/matrix_vector.h"

namespace peer {
namespace {

constexpr int kScratchOfA = 6, kScratchOfB = 7, kWidenedA = 4, kWidenedB = 5;
constexpr std::int64_t kNumbersWorthThreads = 1 << 16;

void round_row(const float* from, std::int64_t count, Bfloat16* to) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) to[i].bits = bfloat16_of(from[i]);
}

// Where the CPU has wider vectors. Their code lies where that of the ops' AVX-512 path lies (cpu_paths.cmake).
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__AVX512BW__) && (PEER_CPU_PATHS & 4)
#define PEER_WIDE __attribute__((target("avx512f,avx512bw,avx512vl"), section(".text_avx512"), noinline))
#else
#define PEER_WIDE
#endif
PEER_WIDE void round_row_wide(const float* from, std::int64_t count, Bfloat16* to) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) to[i].bits = bfloat16_of(from[i]);
}

// One pass over an operand costs a few hundredths of the products that it takes part in.
void round_rows(Context& ctx, Matrix<const float> x, Bfloat16* to) {
  const bool wide = ctx.cpu_path() == CpuPath::kAvx512 || ctx.cpu_path() == CpuPath::kAvx512Bf16;
#pragma omp parallel for schedule(static) num_threads(ctx.threads()) if (x.rows * x.columns >= kNumbersWorthThreads)
  for (std::int64_t i = 0; i < x.rows; ++i) (wide ? round_row_wide : round_row)(x.data + i * x.stride, x.columns, to + i * x.columns);
}

// `x` rounded in scratch memory, on a CPU dense.
Matrix<const Bfloat16> rounded_once(Context& ctx, int slot, Matrix<const float> x) {
  if constexpr (kWithCuda)
    if (!ctx.device().is_cpu()) return cuda_rounded(ctx, slot, x);
  Bfloat16* to = ctx.scratch<Bfloat16>(slot, x.rows * x.columns);
  round_rows(ctx, x, to);
  return {to, x.rows, x.columns, x.columns};
}

Matrix<const Bfloat16> rounded(Context& ctx, int slot, const Operand& x) {
  return x.rounded.data != nullptr ? x.rounded : rounded_once(ctx, slot, x.exact);
}

// The rounded numbers in fp32.
Matrix<const float> widened(Context& ctx, int slot, Matrix<const Bfloat16> x) {
  float* to = ctx.scratch<float>(slot, x.rows * x.columns);
#pragma omp parallel for schedule(static) num_threads(ctx.threads()) if (x.rows * x.columns >= kNumbersWorthThreads)
  for (std::int64_t i = 0; i < x.rows; ++i) std::copy_n(x.data + i * x.stride, x.columns, to + i * x.columns);
  return {to, x.rows, x.columns, x.columns};
}

// oneDNN emulates bf16 where the CPU lacks it, at a fraction of fp32's speed.
bool multiplies_bf16() {
  static const bool multiplies = (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
  return multiplies;
}

}  // namespace

void rounded_gemm(Context& ctx, const Operand& a, Transpose ta, const Operand& b, Transpose tb, float beta, Matrix<float> c) {
  if (ctx.precision() == Precision::kFp32) {
    require(a.exact.data != nullptr && b.exact.data != nullptr, "rounded_gemm: a product in fp32 needs operands in fp32");
    return gemm(ctx, a.exact, ta, b.exact, tb, beta, c);
  }
  const GemmShape shape = gemm_shape(a.extent(), ta, b.extent(), tb, c);
  const bool of_one_row = shape.m == 1 && ta == Transpose::kNo && tb == Transpose::kYes;
  if (ctx.device().is_cpu() && !of_one_row && !multiplies_bf16()) {
    const Matrix<const float> left = widened(ctx, kWidenedA, rounded(ctx, kScratchOfA, a));
    return gemm(ctx, left, ta, widened(ctx, kWidenedB, rounded(ctx, kScratchOfB, b)), tb, beta, c);
  }
  if (shape.m == 0 || shape.n == 0) return;
  ctx.count_flops(shape.flops());
  const Timed timed(ctx.profile(), "gemm bf16", [&] { return Work{.bf16_flops = shape.flops(), .bytes = shape.bytes(beta)}; });
  if constexpr (kWithCuda)
    if (!ctx.device().is_cpu()) {
      cuda_gemm(ctx, rounded(ctx, kScratchOfA, a), ta, rounded(ctx, kScratchOfB, b), tb, beta, c);
      return ctx.wait_if_profiled();
    }
  if (of_one_row) return matrix_vector(ctx, rounded(ctx, kScratchOfA, a).data, rounded(ctx, kScratchOfB, b), beta, c.data);
  ctx.bf16_products().run({shape.m, shape.n, shape.k, c.stride, ta == Transpose::kYes, tb == Transpose::kYes, beta},
                          rounded(ctx, kScratchOfA, a).data, rounded(ctx, kScratchOfB, b).data, c.data);
}

Operand rounded_left(Context& ctx, const Operand& a) {
  if (ctx.precision() == Precision::kFp32 || a.rounded.data != nullptr) return a;
  const Timed timed(ctx.profile(), "round", [&] { return Work{.bytes = 6.0 * static_cast<double>(a.exact.rows * a.exact.columns)}; });
  const Operand both{a.exact, rounded_once(ctx, kScratchOfA, a.exact)};
  if (!ctx.device().is_cpu()) ctx.wait_if_profiled();
  return both;
}

Buffer<Bfloat16> rounded_copy(Context& ctx, Matrix<const float> x) {
  const Timed timed(ctx.profile(), "round", [&] { return Work{.bytes = 6.0 * static_cast<double>(x.rows * x.columns)}; });
  if constexpr (kWithCuda)
    if (!ctx.device().is_cpu()) {
      Buffer<Bfloat16> copy = cuda_rounded_copy(ctx, x);
      ctx.wait();
      return copy;
    }
  Buffer<Bfloat16> copy(ctx.device(), x.rows * x.columns);
  round_rows(ctx, x, copy.data());
  return copy;
}

void check_precision(Device device, Precision precision) {
  if (precision == Precision::kFp32 || !device.is_cpu()) return;  // every GPU that the kernels are built for multiplies bf16
  if (!multiplies_bf16())
    throw DeviceError("option 'precision': bf16 needs a CPU that multiplies it (avx512_bf16), and this one does not; use --precision fp32");
}

PrecisionScope::PrecisionScope(Context& ctx, Precision precision) : ctx_(ctx), before_(ctx.precision()) { ctx.set_precision(precision); }

}  // namespace peer
