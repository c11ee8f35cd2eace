#pragma once

#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include <utility>

namespace peer {

// Owns a handle of CUDA: move-only, destroyed once.
template <class Handle, auto Destroy>
class CudaHandle {
 public:
  explicit CudaHandle(Handle handle) : handle_(handle) {}
  CudaHandle(CudaHandle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  CudaHandle& operator=(CudaHandle&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~CudaHandle() {
    if (handle_ != nullptr) Destroy(handle_);
  }
  Handle get() const { return handle_; }

 private:
  Handle handle_;
};

using CudaStream = CudaHandle<cudaStream_t, cudaStreamDestroy>;
using CudaRecordedGraph = CudaHandle<cudaGraph_t, cudaGraphDestroy>;
using CudaGraphExec = CudaHandle<cudaGraphExec_t, cudaGraphExecDestroy>;
using CublasHandle = CudaHandle<cublasLtHandle_t, cublasLtDestroy>;
using CublasMatmul = CudaHandle<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy>;
using CublasLayout = CudaHandle<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>;
using CublasPreference = CudaHandle<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy>;

}  // namespace peer
