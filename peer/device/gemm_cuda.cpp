#include "peer/device/cuda_backend.h"
#include "peer/device/cuda_queue.cuh"

namespace peer {

void cuda_gemm(Context& ctx, Matrix<const float> a, Transpose ta, Matrix<const float> b, Transpose tb, float beta, Matrix<float> c) {
  cuda_queue(ctx).products->multiply(a, ta, b, tb, beta, c);
}

void cuda_gemm(Context& ctx, Matrix<const Bfloat16> a, Transpose ta, Matrix<const Bfloat16> b, Transpose tb, float beta, Matrix<float> c) {
  cuda_queue(ctx).products->multiply(a, ta, b, tb, beta, c);
}

}  // namespace peer
