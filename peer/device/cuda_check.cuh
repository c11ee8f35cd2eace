#pragma once

#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include <source_location>

namespace peer {

// Every call into CUDA goes through one of these. DeviceError names the call, the place and what CUDA says of it:
//   cuda_check(cudaMemsetAsync(data, 0, bytes, stream), "cudaMemsetAsync");
void cuda_check(cudaError_t status, const char* call, std::source_location where = std::source_location::current());
void cuda_check(cublasStatus_t status, const char* call, std::source_location where = std::source_location::current());

}  // namespace peer
