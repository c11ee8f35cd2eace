#include "peer/device/cuda_backend.h"
#include "peer/device/cuda_check.cuh"
#include "peer/device/cuda_queue.cuh"

namespace peer {
namespace {

constexpr int kThreads = 256, kPack = 8;
constexpr std::int64_t kColumnsOfBlock = kPack * kThreads;

__device__ unsigned rounded_pair(float first, float second) {
  return bfloat16_of(first) | static_cast<unsigned>(bfloat16_of(second)) << 16;
}

// A block takes 2,048 columns of a row, so that no thread divides: eight side by side by each thread where rows of x begin at multiples of
// 16 bytes and end with eight, else number by number.
template <bool kWhole>
__global__ void __launch_bounds__(kThreads)
    round_kernel(Matrix<const float> x, std::int64_t blocks_of_row, std::int64_t stride, Bfloat16* to) {
  const std::int64_t row = blockIdx.x / blocks_of_row, first = blockIdx.x % blocks_of_row * kColumnsOfBlock;
  const float* from = x.data + row * x.stride;
  Bfloat16* rounded = to + row * stride;
  if constexpr (kWhole) {
    const std::int64_t c = first + threadIdx.x * kPack;
    if (c >= x.columns) return;
    const float4 a = *reinterpret_cast<const float4*>(from + c), b = *reinterpret_cast<const float4*>(from + c + 4);
    *reinterpret_cast<uint4*>(rounded + c) = {rounded_pair(a.x, a.y), rounded_pair(a.z, a.w), rounded_pair(b.x, b.y),
                                              rounded_pair(b.z, b.w)};
  } else {
    for (std::int64_t c = first + threadIdx.x; c < first + kColumnsOfBlock && c < x.columns; c += kThreads)
      rounded[c].bits = bfloat16_of(from[c]);
  }
}

bool has_whole_packs(const Matrix<const float>& x) {
  return x.columns % kPack == 0 && x.stride % 4 == 0 && reinterpret_cast<std::uintptr_t>(x.data) % sizeof(float4) == 0;
}

// Without rows at multiples of 16 bytes there are no tensor cores.
std::int64_t stride_of(const Matrix<const float>& x) { return (x.columns + kPack - 1) / kPack * kPack; }

// A dense matrix is one long row where its rows end at multiples of 16 bytes already.
void round_rows(Context& ctx, Matrix<const float> x, Bfloat16* to) {
  const std::int64_t stride = stride_of(x);
  if (x.rows * x.columns == 0) return;
  const bool dense = x.stride == x.columns && stride == x.columns;
  const Matrix<const float> rows = dense ? Matrix<const float>(x.data, 1, x.rows * x.columns, x.rows * x.columns) : x;
  const std::int64_t blocks_of_row = (rows.columns + kColumnsOfBlock - 1) / kColumnsOfBlock;
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(rows.rows * blocks_of_row));
  config.blockDim = dim3(kThreads);
  config.stream = cuda_queue(ctx).stream.get();
  cuda_check(cudaLaunchKernelEx(&config, has_whole_packs(rows) ? round_kernel<true> : round_kernel<false>, rows, blocks_of_row, stride, to),
             "round_kernel");
}

}  // namespace

Matrix<const Bfloat16> cuda_rounded(Context& ctx, int slot, Matrix<const float> x) {
  Bfloat16* to = ctx.scratch<Bfloat16>(slot, x.rows * stride_of(x));
  round_rows(ctx, x, to);
  return {to, x.rows, x.columns, stride_of(x)};
}

Buffer<Bfloat16> cuda_rounded_copy(Context& ctx, Matrix<const float> x) {
  Buffer<Bfloat16> copy(ctx.device(), x.rows * stride_of(x));
  round_rows(ctx, x, copy.data());
  return copy;
}

}  // namespace peer
