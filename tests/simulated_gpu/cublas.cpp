#include <cublasLt.h>
#include <dnnl.h>

#include <bit>
#include <cstring>
#include <vector>

#include "tests/simulated_gpu/simulated_stream.h"

struct SimulatedCublas {};

struct SimulatedMatmul {
  cublasOperation_t operation_a = CUBLAS_OP_N, operation_b = CUBLAS_OP_N;
};

struct SimulatedLayout {
  cudaDataType_t type;
  std::int64_t rows, columns, stride;

  // The last column need not be followed by what lies beside it.
  std::int64_t size() const { return (columns - 1) * stride + rows; }
};

struct SimulatedPreference {
  cublasLtMatmulAlgo_t alignments{256, 256, 256};
};

namespace {

template <class T, class... Arguments>
cublasStatus_t create(T** handle, Arguments... arguments) {
  *handle = new T{arguments...};
  return CUBLAS_STATUS_SUCCESS;
}

template <class T>
cublasStatus_t destroy(T* handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

std::vector<float> widened(const void* numbers, std::int64_t size) {
  std::vector<float> wide(static_cast<std::size_t>(size));
  const auto* bits = static_cast<const std::uint16_t*>(numbers);
  for (std::size_t i = 0; i < wide.size(); ++i) wide[i] = std::bit_cast<float>(static_cast<std::uint32_t>(bits[i]) << 16);
  return wide;
}

bool aligned(const void* data, std::uint32_t bytes) { return reinterpret_cast<std::uintptr_t>(data) % bytes == 0; }

}  // namespace

const char* cublasLtGetStatusString(cublasStatus_t status) { return status == CUBLAS_STATUS_SUCCESS ? "success" : "invalid value"; }

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) { return create(handle); }
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) { return destroy(handle); }

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* matmul, cublasComputeType_t compute, cudaDataType_t scale_type) {
  if (compute != CUBLAS_COMPUTE_32F || scale_type != CUDA_R_32F) return CUBLAS_STATUS_NOT_SUPPORTED;
  return create(matmul);
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t matmul) { return destroy(matmul); }
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t matmul, cublasLtMatmulDescAttributes_t attribute, const void* value,
                                              std::size_t bytes) {
  if (bytes != sizeof(cublasOperation_t)) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(attribute == CUBLASLT_MATMUL_DESC_TRANSA ? &matmul->operation_a : &matmul->operation_b, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType_t type, std::uint64_t rows, std::uint64_t columns,
                                          std::int64_t stride) {
  if (rows == 0 || columns == 0 || stride < static_cast<std::int64_t>(rows)) return CUBLAS_STATUS_INVALID_VALUE;
  return create(layout, type, static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns), stride);
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) { return destroy(layout); }

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) { return create(preference); }
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) { return destroy(preference); }
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference, cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void* value, std::size_t bytes) {
  if (attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES)
    return bytes == sizeof(std::uint64_t) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
  if (bytes != sizeof(std::uint32_t)) return CUBLAS_STATUS_INVALID_VALUE;
  std::uint32_t& alignment = attribute == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES   ? preference->alignments.alignment_a
                             : attribute == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES ? preference->alignments.alignment_b
                                                                                       : preference->alignments.alignment_c;
  std::memcpy(&alignment, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t matmul, cublasLtMatrixLayout_t a,
                                              cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int wanted, cublasLtMatmulHeuristicResult_t* results,
                                              int* found) {
  const bool transposed_a = matmul->operation_a == CUBLAS_OP_T, transposed_b = matmul->operation_b == CUBLAS_OP_T;
  const std::int64_t inner_a = transposed_a ? a->rows : a->columns, inner_b = transposed_b ? b->columns : b->rows;
  if (wanted < 1 || inner_a != inner_b || (transposed_a ? a->columns : a->rows) != c->rows ||
      (transposed_b ? b->rows : b->columns) != c->columns || c != d)
    return CUBLAS_STATUS_INVALID_VALUE;
  *found = 0;
  if (a->type != b->type || c->type != CUDA_R_32F) return CUBLAS_STATUS_NOT_SUPPORTED;
  results[0].algo = preference->alignments;
  *found = 1;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t matmul, const void* alpha, const void* a,
                              cublasLtMatrixLayout_t layout_a, const void* b, cublasLtMatrixLayout_t layout_b, const void* beta,
                              const void* c, cublasLtMatrixLayout_t layout_c, void* d, cublasLtMatrixLayout_t layout_d,
                              const cublasLtMatmulAlgo_t* algorithm, void* workspace, std::size_t, cudaStream_t stream) {
  if (c != d || layout_c != layout_d || workspace == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  if (!aligned(a, algorithm->alignment_a) || !aligned(b, algorithm->alignment_b) || !aligned(d, algorithm->alignment_c))
    return CUBLAS_STATUS_INVALID_VALUE;
  // oneDNN is row-major, where a column-major matrix is its own transpose.
  const auto letter = [](cublasOperation_t op) { return op == CUBLAS_OP_T ? 'T' : 'N'; };
  const std::int64_t inner = matmul->operation_a == CUBLAS_OP_T ? layout_a->rows : layout_a->columns;
  simulated_gpu::queue(stream, [=, scale = *static_cast<const float*>(alpha), keep = *static_cast<const float*>(beta), x = *layout_a,
                                y = *layout_b, z = *layout_c, op_a = letter(matmul->operation_a), op_b = letter(matmul->operation_b)] {
    const bool narrow = x.type == CUDA_R_16BF;
    const std::vector<float> wide_a = narrow ? widened(a, x.size()) : std::vector<float>{},
                             wide_b = narrow ? widened(b, y.size()) : std::vector<float>{};
    const float* left = narrow ? wide_a.data() : static_cast<const float*>(a);
    const float* right = narrow ? wide_b.data() : static_cast<const float*>(b);
    dnnl_sgemm(op_b, op_a, z.columns, z.rows, inner, scale, right, y.stride, left, x.stride, keep, static_cast<float*>(d), z.stride);
  });
  return CUBLAS_STATUS_SUCCESS;
}
