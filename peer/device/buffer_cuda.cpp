#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/device/cuda_backend.h"
#include "peer/device/cuda_check.cuh"

namespace peer {

void* cuda_allocate(Device device, std::int64_t bytes) {
  cuda_check(cudaSetDevice(device.index), "cudaSetDevice");
  void* data = nullptr;
  const cudaError_t status = cudaMallocManaged(&data, static_cast<std::size_t>(bytes));
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    std::size_t free = 0, total = 0;
    cuda_check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    throw DeviceError(fmt::format("out of memory on {}: asked for {} bytes, {} of {} are free; try a smaller batch or preset",
                                  to_text(device), bytes, free, total));
  }
  cuda_check(status, "cudaMallocManaged");
  // On the default stream, which the streams of contexts wait for.
  const cudaError_t zeroed = cudaMemset(data, 0, static_cast<std::size_t>(bytes));
  if (zeroed != cudaSuccess) cudaFree(data);
  cuda_check(zeroed, "cudaMemset");
  return data;
}

void cuda_free(Device device, void* data) noexcept {
  cudaSetDevice(device.index);
  cudaFree(data);  // waits for the kernels that still use it
}

}  // namespace peer
