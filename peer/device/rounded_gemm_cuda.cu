#include "peer/device/bf16_gemm.cuh"
#include "peer/device/cuda_backend.h"
#include "peer/device/cuda_check.cuh"
#include "peer/device/cuda_queue.cuh"

namespace peer {
namespace {

constexpr int kThreads = 256;
constexpr int kScratchOfA = 6, kScratchOfB = 7;

__global__ void __launch_bounds__(kThreads) round_kernel(Matrix<const float> x, Bfloat16* to) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < x.rows * x.columns) to[i].bits = bfloat16_of(x.data[i / x.columns * x.stride + i % x.columns]);
}

// `x` rounded and dense.
Matrix<const Bfloat16> rounded(Context& ctx, int slot, Matrix<const float> x) {
  const std::int64_t size = x.rows * x.columns;
  Bfloat16* to = ctx.scratch<Bfloat16>(slot, size);
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>((size + kThreads - 1) / kThreads));
  config.blockDim = dim3(kThreads);
  config.stream = cuda_queue(ctx).stream.get();
  cuda_check(cudaLaunchKernelEx(&config, round_kernel, x, to), "round_kernel");
  return {to, x.rows, x.columns, x.columns};
}

}  // namespace

// As cuda_gemm: column-major C' = op(B)' op(A)'.
void bf16_gemm(Context& ctx, Matrix<const Bfloat16> a, Transpose ta, Matrix<const Bfloat16> b, Transpose tb, float beta, Matrix<float> c) {
  const auto op = [](Transpose t) { return t == Transpose::kYes ? CUBLAS_OP_T : CUBLAS_OP_N; };
  const std::int64_t k = ta == Transpose::kYes ? a.rows : a.columns;
  const float alpha = 1;
  cuda_check(cublasGemmEx_64(cuda_queue(ctx).cublas.get(), op(tb), op(ta), c.columns, c.rows, k, &alpha, b.data, CUDA_R_16BF, b.stride,
                             a.data, CUDA_R_16BF, a.stride, &beta, c.data, CUDA_R_32F, c.stride, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
             "cublasGemmEx");
}

void cuda_rounded_gemm(Context& ctx, Matrix<const float> a, Transpose ta, Matrix<const float> b, Transpose tb, float beta,
                       Matrix<float> c) {
  if ((ta == Transpose::kYes ? a.rows : a.columns) == 0) return cuda_gemm(ctx, a, ta, b, tb, beta, c);
  bf16_gemm(ctx, rounded(ctx, kScratchOfA, a), ta, rounded(ctx, kScratchOfB, b), tb, beta, c);
}

}  // namespace peer
