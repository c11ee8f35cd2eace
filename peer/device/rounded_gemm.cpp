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

constexpr int kScratchOfA = 6, kScratchOfB = 7;  // B's is the same in rounded_gemm_cuda.cu
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

}  // namespace

Matrix<const Bfloat16> LeftOperand::rounded() {
  if (rounded_.data == nullptr) rounded_ = rounded_copy(ctx_, kScratchOfA, a_);
  return rounded_;
}

void LeftOperand::multiply(Transpose ta, Matrix<const float> b, Transpose tb, float beta, Matrix<float> c) {
  if (ctx_.precision() == Precision::kFp32) return gemm(ctx_, a_, ta, b, tb, beta, c);
  const GemmShape shape = gemm_shape(a_, ta, b, tb, c);
  if (shape.m == 0 || shape.n == 0) return;
  ctx_.count_flops(shape.flops());
  const Timed timed(ctx_.profile(), "gemm bf16", [&] { return Work{.bf16_flops = shape.flops(), .bytes = shape.bytes(beta)}; });
  if constexpr (kWithCuda)
    if (!ctx_.device().is_cpu()) {
      if (shape.k == 0)
        cuda_gemm(ctx_, a_, ta, b, tb, beta, c);
      else
        cuda_rounded_gemm(ctx_, rounded(), ta, b, tb, beta, c);
      return ctx_.wait_if_profiled();
    }
  ctx_.bf16_products().run({shape.m, shape.n, shape.k, c.stride, ta == Transpose::kYes, tb == Transpose::kYes, beta}, rounded().data,
                           rounded_copy(ctx_, kScratchOfB, b).data, c.data);
}

void rounded_gemm(Context& ctx, Matrix<const float> a, Transpose ta, Matrix<const float> b, Transpose tb, float beta, Matrix<float> c) {
  LeftOperand(ctx, a).multiply(ta, b, tb, beta, c);
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
