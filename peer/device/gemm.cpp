#include "peer/device/gemm.h"

#include <dnnl.h>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/base/require.h"
#include "peer/device/cuda_backend.h"
#include "peer/device/cuda_build.h"

namespace peer {

void gemm(Context& ctx, Matrix<const float> a, Transpose ta, Matrix<const float> b, Transpose tb, float beta, Matrix<float> c) {
  const bool a_flipped = ta == Transpose::kYes, b_flipped = tb == Transpose::kYes;
  const std::int64_t m = c.rows, n = c.columns, k = a_flipped ? a.rows : a.columns;
  require((a_flipped ? a.columns : a.rows) == m, "gemm: op(A) and C must have the same rows");
  require((b_flipped ? b.columns : b.rows) == k, "gemm: op(A) columns must equal op(B) rows");
  require((b_flipped ? b.rows : b.columns) == n, "gemm: op(B) and C must have the same columns");
  if (m == 0 || n == 0) return;
  const Timed timed(ctx.profile(), "gemm");
  if constexpr (kWithCuda)
    if (!ctx.device().is_cpu()) return cuda_gemm(ctx, a, ta, b, tb, beta, c);
  const dnnl_status_t status =
      dnnl_sgemm(a_flipped ? 'T' : 'N', b_flipped ? 'T' : 'N', m, n, k, 1.0f, a.data, a.stride, b.data, b.stride, beta, c.data, c.stride);
  if (status != dnnl_success) throw ContractError(fmt::format("gemm: oneDNN refused {}x{}x{} with status {}", m, n, k, int(status)));
}

}  // namespace peer
