#include "peer/device/cublas_plans.cuh"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/base/require.h"
#include "peer/device/cuda_check.cuh"

namespace peer {
namespace {

constexpr std::int64_t kWorkspaceBytes = std::int64_t{32} << 20;  // what cuBLAS itself takes on sm_90
constexpr std::int64_t kLargestAlignment = 256;                   // what cudaMalloc gives; cuBLASLt tells no larger ones apart

CublasHandle new_handle() {
  cublasLtHandle_t handle = nullptr;
  cuda_check(cublasLtCreate(&handle), "cublasLtCreate");
  return CublasHandle(handle);
}

CublasLayout new_layout(cudaDataType_t type, std::int64_t rows, std::int64_t columns, std::int64_t stride) {
  cublasLtMatrixLayout_t layout = nullptr;
  cuda_check(cublasLtMatrixLayoutCreate(&layout, type, static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(columns), stride),
             "cublasLtMatrixLayoutCreate");
  return CublasLayout(layout);
}

CublasMatmul new_matmul(bool transpose_a, bool transpose_b) {
  cublasLtMatmulDesc_t matmul = nullptr;
  cuda_check(cublasLtMatmulDescCreate(&matmul, CUBLAS_COMPUTE_32F, CUDA_R_32F), "cublasLtMatmulDescCreate");
  CublasMatmul owner(matmul);
  const auto set = [&](cublasLtMatmulDescAttributes_t attribute, bool transposed) {
    const cublasOperation_t operation = transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    cuda_check(cublasLtMatmulDescSetAttribute(matmul, attribute, &operation, sizeof(operation)), "cublasLtMatmulDescSetAttribute");
  };
  set(CUBLASLT_MATMUL_DESC_TRANSA, transpose_a);
  set(CUBLASLT_MATMUL_DESC_TRANSB, transpose_b);
  return owner;
}

// What an algorithm may take for granted: the workspace, and where the operands begin (by default 256 bytes, which a part of a matrix
// does not keep).
CublasPreference new_preference(std::int64_t alignment_a, std::int64_t alignment_b, std::int64_t alignment_c) {
  cublasLtMatmulPreference_t preference = nullptr;
  cuda_check(cublasLtMatmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate");
  CublasPreference owner(preference);
  const auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
    cuda_check(cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof(value)), "cublasLtMatmulPreferenceSetAttribute");
  };
  set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<std::uint64_t>(kWorkspaceBytes));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, static_cast<std::uint32_t>(alignment_a));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, static_cast<std::uint32_t>(alignment_b));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, static_cast<std::uint32_t>(alignment_c));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, static_cast<std::uint32_t>(alignment_c));
  return owner;
}

void scale(cudaStream_t stream, float beta, Matrix<float> c) {
  if (beta == 0)
    cuda_check(cudaMemset2DAsync(c.data, sizeof(float) * static_cast<std::size_t>(c.stride), 0,
                                 sizeof(float) * static_cast<std::size_t>(c.columns), static_cast<std::size_t>(c.rows), stream),
               "cudaMemset2DAsync");
}

}  // namespace

CublasPlans::CublasPlans(Device device, cudaStream_t stream)
    : stream_(stream), handle_(new_handle()), workspace_(device, kWorkspaceBytes) {}

template <class T>
CublasPlans::Operand CublasPlans::operand(Matrix<T> matrix, Transpose transpose) {
  const auto address = reinterpret_cast<std::uintptr_t>(matrix.data);
  const std::int64_t alignment = std::min(kLargestAlignment, std::int64_t{1} << std::min(62, std::countr_zero(address)));
  return {transpose == Transpose::kYes, matrix.rows, matrix.columns, matrix.stride, alignment};
}

// cuBLAS is column-major, where a row-major matrix is its own transpose: it computes C' = op(B)' op(A)', B before A.
CublasPlans::Plan CublasPlans::plan(const Product& product) const {
  const auto layout = [](cudaDataType_t type, const Operand& operand) {
    return new_layout(type, operand.columns, operand.rows, operand.stride);
  };
  Plan plan{new_matmul(product.b.transposed, product.a.transposed),
            layout(product.type, product.a),
            layout(product.type, product.b),
            layout(CUDA_R_32F, product.c),
            {}};
  const CublasPreference preference = new_preference(product.b.alignment, product.a.alignment, product.c.alignment);
  cublasLtMatmulHeuristicResult_t found{};
  int count = 0;
  cuda_check(cublasLtMatmulAlgoGetHeuristic(handle_.get(), plan.matmul.get(), plan.b.get(), plan.a.get(), plan.c.get(), plan.c.get(),
                                            preference.get(), 1, &found, &count),
             "cublasLtMatmulAlgoGetHeuristic");
  if (count == 0)
    throw DeviceError(fmt::format("cublasLt knows no way to multiply ({}, {}) by ({}, {}) of {}", product.a.rows, product.a.columns,
                                  product.b.rows, product.b.columns, product.type == CUDA_R_16BF ? "bf16" : "fp32"));
  plan.algorithm = found.algo;
  return plan;
}

template <class Number>
void CublasPlans::run(cudaDataType_t type, Matrix<const Number> a, Transpose ta, Matrix<const Number> b, Transpose tb, float beta,
                      Matrix<float> c) {
  require(beta == 0 || beta == 1, "cublas_plans: beta must be 0 or 1");
  if (c.rows == 0 || c.columns == 0) return;
  if (a.rows == 0 || a.columns == 0) return scale(stream_, beta, c);
  const Product product{type, operand(a, ta), operand(b, tb), operand(c, Transpose::kNo)};
  auto known = plans_.find(product);
  if (known == plans_.end()) known = plans_.emplace(product, plan(product)).first;
  const Plan& plan = known->second;
  const float alpha = 1;
  cuda_check(cublasLtMatmul(handle_.get(), plan.matmul.get(), &alpha, b.data, plan.b.get(), a.data, plan.a.get(), &beta, c.data,
                            plan.c.get(), c.data, plan.c.get(), &plan.algorithm, workspace_.data(), kWorkspaceBytes, stream_),
             "cublasLtMatmul");
}

void CublasPlans::multiply(Matrix<const float> a, Transpose ta, Matrix<const float> b, Transpose tb, float beta, Matrix<float> c) {
  run(CUDA_R_32F, a, ta, b, tb, beta, c);
}

void CublasPlans::multiply(Matrix<const Bfloat16> a, Transpose ta, Matrix<const Bfloat16> b, Transpose tb, float beta, Matrix<float> c) {
  run(CUDA_R_16BF, a, ta, b, tb, beta, c);
}

}  // namespace peer
