#include "peer/device/cuda_check.cuh"

#include <fmt/format.h>

#include "peer/base/error.h"

namespace peer {
namespace {

[[noreturn]] void fail(const char* call, const char* reason, const std::source_location& where) {
  throw DeviceError(fmt::format("{} failed: {} ({}:{})", call, reason, where.file_name(), where.line()));
}

}  // namespace

void cuda_check(cudaError_t status, const char* call, std::source_location where) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // so that the next check does not report this failure as its own
  fail(call, cudaGetErrorString(status), where);
}

void cuda_check(cublasStatus_t status, const char* call, std::source_location where) {
  if (status != CUBLAS_STATUS_SUCCESS) fail(call, cublasLtGetStatusString(status), where);
}

}  // namespace peer
