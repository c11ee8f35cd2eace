#include "peer/device/cuda_backend.h"
#include "peer/device/cuda_check.cuh"
#include "peer/device/cuda_queue.cuh"

namespace peer {

// cuBLAS is column-major, where a row-major matrix is its own transpose: it computes C' = op(B)' op(A)'. In fp32: TF32 is not allowed.
void cuda_gemm(Context& ctx, Matrix<const float> a, Transpose ta, Matrix<const float> b, Transpose tb, float beta, Matrix<float> c) {
  const auto op = [](Transpose t) { return t == Transpose::kYes ? CUBLAS_OP_T : CUBLAS_OP_N; };
  const std::int64_t k = ta == Transpose::kYes ? a.rows : a.columns;
  const float alpha = 1;
  cuda_check(cublasSgemm_64(cuda_queue(ctx).cublas.get(), op(tb), op(ta), c.columns, c.rows, k, &alpha, b.data, b.stride, a.data, a.stride,
                            &beta, c.data, c.stride),
             "cublasSgemm");
}

}  // namespace peer
