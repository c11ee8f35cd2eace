#include "peer/device/rounded_gemm.h"

#include <dnnl.h>

#include "peer/base/element.h"
#include "peer/base/error.h"
#include "peer/base/require.h"
#include "peer/device/bf16_products.h"
#include "peer/device/cuda_backend.h"
#include "peer/device/cuda_build.h"

namespace peer {
namespace {

constexpr int kScratchOfA = 6, kScratchOfB = 7;
constexpr std::int64_t kNumbersWorthThreads = 1 << 16;

// A CPU that multiplies bf16 has these vectors. Their code lies where that of the ops' AVX-512 path lies (cpu_paths.cmake).
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__AVX512BW__) && (PEER_CPU_PATHS & 4)
#define PEER_WIDE __attribute__((target("avx512f,avx512bw,avx512vl"), section(".text_avx512"), noinline))
#else
#define PEER_WIDE
#endif
PEER_WIDE void round_row(const float* from, std::int64_t count, Bfloat16* to) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) to[i].bits = bfloat16_of(from[i]);
}

// `x` rounded, on a CPU dense. One pass over an operand costs a few hundredths of the products that it takes part in.
Matrix<const Bfloat16> rounded_copy(Context& ctx, int slot, Matrix<const float> x) {
  if constexpr (kWithCuda)
    if (!ctx.device().is_cpu()) return cuda_rounded(ctx, slot, x);
  Bfloat16* to = ctx.scratch<Bfloat16>(slot, x.rows * x.columns);
#pragma omp parallel for schedule(static) num_threads(ctx.threads()) if (x.rows * x.columns >= kNumbersWorthThreads)
  for (std::int64_t i = 0; i < x.rows; ++i) round_row(x.data + i * x.stride, x.columns, to + i * x.columns);
  return {to, x.rows, x.columns, x.columns};
}

Matrix<const Bfloat16> rounded(Context& ctx, int slot, const Operand& x) {
  return x.rounded.data != nullptr ? x.rounded : rounded_copy(ctx, slot, x.exact);
}

}  // namespace

void rounded_gemm(Context& ctx, const Operand& a, Transpose ta, const Operand& b, Transpose tb, float beta, Matrix<float> c) {
  if (ctx.precision() == Precision::kFp32) {
    require(a.exact.data != nullptr && b.exact.data != nullptr, "rounded_gemm: a product in fp32 needs operands in fp32");
    return gemm(ctx, a.exact, ta, b.exact, tb, beta, c);
  }
  const GemmShape shape = gemm_shape(a.extent(), ta, b.extent(), tb, c);
  if (shape.m == 0 || shape.n == 0) return;
  ctx.count_flops(shape.flops());
  const Timed timed(ctx.profile(), "gemm bf16", [&] { return Work{.bf16_flops = shape.flops(), .bytes = shape.bytes(beta)}; });
  if constexpr (kWithCuda)
    if (!ctx.device().is_cpu()) {
      cuda_gemm(ctx, rounded(ctx, kScratchOfA, a), ta, rounded(ctx, kScratchOfB, b), tb, beta, c);
      return ctx.wait_if_profiled();
    }
  ctx.bf16_products().run({shape.m, shape.n, shape.k, c.stride, ta == Transpose::kYes, tb == Transpose::kYes, beta},
                          rounded(ctx, kScratchOfA, a).data, rounded(ctx, kScratchOfB, b).data, c.data);
}

Operand rounded_left(Context& ctx, const Operand& a) {
  if (ctx.precision() == Precision::kFp32 || a.rounded.data != nullptr) return a;
  const Timed timed(ctx.profile(), "round", [&] { return Work{.bytes = 6.0 * static_cast<double>(a.exact.rows * a.exact.columns)}; });
  const Operand both{a.exact, rounded_copy(ctx, kScratchOfA, a.exact)};
  if (!ctx.device().is_cpu()) ctx.wait_if_profiled();
  return both;
}

void check_precision(Device device, Precision precision) {
  if (precision == Precision::kFp32 || !device.is_cpu()) return;  // every GPU that the kernels are built for multiplies bf16
  // oneDNN emulates bf16 where the CPU lacks it, at a fraction of fp32's speed.
  if ((dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_bf16) != dnnl_cpu_isa_avx512_core_bf16)
    throw DeviceError("option 'precision': bf16 needs a CPU that multiplies it (avx512_bf16), and this one does not; use --precision fp32");
}

PrecisionScope::PrecisionScope(Context& ctx, Precision precision) : ctx_(ctx), before_(ctx.precision()) {
  check_precision(ctx.device(), precision);
  ctx.set_precision(precision);
}

}  // namespace peer
