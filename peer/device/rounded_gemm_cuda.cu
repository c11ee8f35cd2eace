#include "peer/device/bf16_gemm.cuh"
#include "peer/device/cuda_backend.h"
#include "peer/device/cuda_check.cuh"
#include "peer/device/cuda_queue.cuh"

namespace peer {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kColumnsOfBlock = 4 * kThreads;
constexpr int kScratchOfA = 6, kScratchOfB = 7;

// A block takes 1,024 columns of a row, four of them by each thread, so that none divides.
__global__ void __launch_bounds__(kThreads)
    round_kernel(Matrix<const float> x, std::int64_t blocks_of_row, std::int64_t stride, Bfloat16* to) {
  const std::int64_t row = blockIdx.x / blocks_of_row, first = blockIdx.x % blocks_of_row * kColumnsOfBlock + threadIdx.x;
  for (std::int64_t c = first; c < first + kColumnsOfBlock && c < x.columns; c += kThreads)
    to[row * stride + c].bits = bfloat16_of(x.data[row * x.stride + c]);
}

// `x` rounded, its rows at multiples of 16 bytes, without which there are no tensor cores for it. A dense matrix is one long row where its
// rows end there already.
Matrix<const Bfloat16> rounded(Context& ctx, int slot, Matrix<const float> x) {
  const std::int64_t stride = (x.columns + 7) / 8 * 8;
  Bfloat16* to = ctx.scratch<Bfloat16>(slot, x.rows * stride);
  const bool dense = x.stride == x.columns && stride == x.columns;
  const Matrix<const float> rows = dense ? Matrix<const float>(x.data, 1, x.rows * x.columns, x.rows * x.columns) : x;
  const std::int64_t blocks_of_row = (rows.columns + kColumnsOfBlock - 1) / kColumnsOfBlock;
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(rows.rows * blocks_of_row));
  config.blockDim = dim3(kThreads);
  config.stream = cuda_queue(ctx).stream.get();
  cuda_check(cudaLaunchKernelEx(&config, round_kernel, rows, blocks_of_row, stride, to), "round_kernel");
  return {to, x.rows, x.columns, stride};
}

}  // namespace

void bf16_gemm(Context& ctx, Matrix<const Bfloat16> a, Transpose ta, Matrix<const Bfloat16> b, Transpose tb, float beta, Matrix<float> c) {
  cuda_queue(ctx).products->multiply(a, ta, b, tb, beta, c);
}

void cuda_rounded_gemm(Context& ctx, Matrix<const float> a, Transpose ta, Matrix<const float> b, Transpose tb, float beta,
                       Matrix<float> c) {
  if ((ta == Transpose::kYes ? a.rows : a.columns) == 0) return cuda_gemm(ctx, a, ta, b, tb, beta, c);
  bf16_gemm(ctx, rounded(ctx, kScratchOfA, a), ta, rounded(ctx, kScratchOfB, b), tb, beta, c);
}

}  // namespace peer
