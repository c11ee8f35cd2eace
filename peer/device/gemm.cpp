#include "peer/device/gemm.h"

#include <dnnl.h>
#include <omp.h>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/base/require.h"
#include "peer/device/cuda_backend.h"
#include "peer/device/cuda_build.h"
#include "peer/device/matrix_vector.h"

namespace peer {

GemmShape gemm_shape(Extent a, Transpose ta, Extent b, Transpose tb, Extent c) {
  const bool a_flipped = ta == Transpose::kYes, b_flipped = tb == Transpose::kYes;
  const GemmShape shape{c.rows, c.columns, a_flipped ? a.rows : a.columns};
  require((a_flipped ? a.columns : a.rows) == shape.m, "gemm: op(A) and C must have the same rows");
  require((b_flipped ? b.columns : b.rows) == shape.k, "gemm: op(A) columns must equal op(B) rows");
  require((b_flipped ? b.rows : b.columns) == shape.n, "gemm: op(B) and C must have the same columns");
  return shape;
}

void gemm(Context& ctx, Matrix<const float> a, Transpose ta, Matrix<const float> b, Transpose tb, float beta, Matrix<float> c) {
  const GemmShape shape = gemm_shape(a, ta, b, tb, c);
  if (shape.m == 0 || shape.n == 0) return;
  ctx.count_flops(shape.flops());
  const Timed timed(ctx.profile(), "gemm", [&] { return Work{.flops = shape.flops(), .bytes = shape.bytes(beta)}; });
  if constexpr (kWithCuda)
    if (!ctx.device().is_cpu()) {
      cuda_gemm(ctx, a, ta, b, tb, beta, c);
      return ctx.wait_if_profiled();
    }
  if (shape.m == 1 && ta == Transpose::kNo && tb == Transpose::kYes) return matrix_vector(ctx, a.data, b, beta, c.data);
  omp_set_num_threads(ctx.threads());  // of the calling thread, and what oneDNN takes
  const dnnl_status_t status = dnnl_sgemm(ta == Transpose::kYes ? 'T' : 'N', tb == Transpose::kYes ? 'T' : 'N', shape.m, shape.n, shape.k,
                                          1.0f, a.data, a.stride, b.data, b.stride, beta, c.data, c.stride);
  if (status != dnnl_success)
    throw ContractError(fmt::format("gemm: oneDNN refused {}x{}x{} with status {}", shape.m, shape.n, shape.k, int(status)));
}

}  // namespace peer
