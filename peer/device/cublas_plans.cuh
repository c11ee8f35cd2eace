#pragma once

#include <cstdint>
#include <map>

#include "peer/base/element.h"
#include "peer/device/buffer.h"
#include "peer/device/cuda_handles.cuh"
#include "peer/device/gemm.h"

namespace peer {

// Products by cuBLASLt on one stream. The algorithm is chosen by its heuristic the first time that a shape is met, and kept: the same shape
// is computed the same way for as long as these plans live, recorded into a graph or not.
class CublasPlans {
 public:
  CublasPlans(Device device, cudaStream_t stream);

  // C = op(A) op(B) + beta C as in gemm(), beta 0 or 1; summed in fp32: of fp32 operands without TF32, of bf16 ones on tensor cores.
  void multiply(Matrix<const float> a, Transpose ta, Matrix<const float> b, Transpose tb, float beta, Matrix<float> c);
  void multiply(Matrix<const Bfloat16> a, Transpose ta, Matrix<const Bfloat16> b, Transpose tb, float beta, Matrix<float> c);

 private:
  struct Operand {
    bool transposed;
    std::int64_t rows, columns, stride;
    std::int64_t alignment;  // of its first number, bytes
    auto operator<=>(const Operand&) const = default;
  };
  struct Product {
    cudaDataType_t type;
    Operand a, b, c;
    auto operator<=>(const Product&) const = default;
  };
  struct Plan {
    CublasMatmul matmul;
    CublasLayout a, b, c;
    cublasLtMatmulAlgo_t algorithm;
  };

  template <class T>
  static Operand operand(Matrix<T> matrix, Transpose transpose);
  Plan plan(const Product& product) const;
  template <class Number>
  void run(cudaDataType_t type, Matrix<const Number> a, Transpose ta, Matrix<const Number> b, Transpose tb, float beta, Matrix<float> c);

  cudaStream_t stream_;
  CublasHandle handle_;
  Buffer<char> workspace_;  // one for all: products of one stream follow each other
  std::map<Product, Plan> plans_;
};

}  // namespace peer
