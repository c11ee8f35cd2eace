#include <cublas_v2.h>
#include <dnnl.h>

#include <bit>
#include <vector>

#include "tests/simulated_gpu/simulated_stream.h"

struct SimulatedCublas {
  cudaStream_t stream = nullptr;
};

const char* cublasGetStatusString(cublasStatus_t status) { return status == CUBLAS_STATUS_SUCCESS ? "success" : "invalid value"; }

cublasStatus_t cublasCreate(cublasHandle_t* handle) {
  *handle = new SimulatedCublas;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy(cublasHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t, void*, std::size_t) { return CUBLAS_STATUS_SUCCESS; }

cublasStatus_t cublasSetMathMode(cublasHandle_t, cublasMath_t) { return CUBLAS_STATUS_SUCCESS; }

cublasStatus_t cublasSgemm_64(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, std::int64_t m, std::int64_t n,
                              std::int64_t k, const float* alpha, const float* a, std::int64_t lda, const float* b, std::int64_t ldb,
                              const float* beta, float* c, std::int64_t ldc) {
  const auto letter = [](cublasOperation_t op) { return op == CUBLAS_OP_T ? 'T' : 'N'; };
  // oneDNN is row-major, where a column-major matrix is its own transpose.
  simulated_gpu::queue(handle->stream, [=, scale = *alpha, keep = *beta] {
    dnnl_sgemm(letter(op_b), letter(op_a), n, m, k, scale, b, ldb, a, lda, keep, c, ldc);
  });
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGemmEx_64(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, std::int64_t m, std::int64_t n,
                               std::int64_t k, const void* alpha, const void* a, cudaDataType_t type_a, std::int64_t lda, const void* b,
                               cudaDataType_t type_b, std::int64_t ldb, const void* beta, void* c, cudaDataType_t type_c, std::int64_t ldc,
                               cublasComputeType_t compute, cublasGemmAlgo_t) {
  if (type_a != CUDA_R_16BF || type_b != CUDA_R_16BF || type_c != CUDA_R_32F || compute != CUBLAS_COMPUTE_32F)
    return CUBLAS_STATUS_INVALID_VALUE;
  const auto letter = [](cublasOperation_t op) { return op == CUBLAS_OP_T ? 'T' : 'N'; };
  const auto widened = [](const void* x, std::int64_t size) {
    std::vector<float> wide(static_cast<std::size_t>(size));
    const auto* bits = static_cast<const std::uint16_t*>(x);
    for (std::size_t i = 0; i < wide.size(); ++i) wide[i] = std::bit_cast<float>(static_cast<std::uint32_t>(bits[i]) << 16);
    return wide;
  };
  simulated_gpu::queue(handle->stream, [=, scale = *static_cast<const float*>(alpha), keep = *static_cast<const float*>(beta)] {
    // The last column of a column-major matrix need not be followed by what lies beside it.
    const auto size = [](cublasOperation_t op, std::int64_t rows, std::int64_t columns, std::int64_t stride) {
      return op == CUBLAS_OP_T ? (rows - 1) * stride + columns : (columns - 1) * stride + rows;
    };
    const std::vector<float> wide_a = widened(a, size(op_a, m, k, lda)), wide_b = widened(b, size(op_b, k, n, ldb));
    dnnl_sgemm(letter(op_b), letter(op_a), n, m, k, scale, wide_b.data(), ldb, wide_a.data(), lda, keep, static_cast<float*>(c), ldc);
  });
  return CUBLAS_STATUS_SUCCESS;
}
