#include <cstring>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/device/cuda_backend.h"
#include "peer/device/cuda_check.cuh"

namespace peer {
namespace {

struct DeviceMemory {
  std::int64_t free, total;  // bytes
};

DeviceMemory memory_of(Device device) {
  cuda_check(cudaSetDevice(device.index), "cudaSetDevice");
  std::size_t free = 0, total = 0;
  cuda_check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  return {static_cast<std::int64_t>(free), static_cast<std::int64_t>(total)};
}

[[noreturn]] void fail_for_memory(Device device, std::int64_t bytes) {
  cudaGetLastError();
  const auto [free, total] = memory_of(device);
  throw DeviceError(fmt::format("out of memory on {}: asked for {} bytes, {} of {} are free; try a smaller batch or preset",
                                to_text(device), bytes, free, total));
}

// An address; there is no memory behind it before something touches it.
void* reserve(Device device, std::int64_t bytes) {
  void* data = nullptr;
  const cudaError_t status = cudaMallocManaged(&data, static_cast<std::size_t>(bytes));
  if (status == cudaErrorMemoryAllocation) fail_for_memory(device, bytes);
  cuda_check(status, "cudaMallocManaged");
  return data;
}

}  // namespace

void* cuda_allocate(Device device, std::int64_t bytes) {
  // The driver would page what does not fit, at the speed of the bus; and cards were seen to hang when asked for more than they have.
  if (bytes > memory_of(device).free) fail_for_memory(device, bytes);
  void* data = reserve(device, bytes);
  constexpr std::int64_t kLargePage = 2 << 20;
  if (bytes >= kLargePage) cuda_populate(device, data, bytes);
  // The host may write as soon as this returns, and a memset need not be over when it does.
  cudaError_t zeroed = cudaMemset(data, 0, static_cast<std::size_t>(bytes));
  if (zeroed == cudaSuccess) zeroed = cudaDeviceSynchronize();
  if (zeroed != cudaSuccess) cudaFree(data);
  if (zeroed == cudaErrorMemoryAllocation) fail_for_memory(device, bytes);  // an address is given out before there is memory behind it
  cuda_check(zeroed, "cudaMemset");
  return data;
}

void* cuda_allocate_page(Device device, std::int64_t bytes) {
  const auto [free, total] = memory_of(device);
  if (free - bytes >= total / 5) return cuda_allocate(device, bytes);
  void* data = reserve(device, bytes);
  cuda_advise(device, data, bytes, Residence::kHost);  // before anything touches it
  cuda_check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  std::memset(data, 0, static_cast<std::size_t>(bytes));
  return data;
}

std::int64_t cuda_memory_bytes(Device device) { return memory_of(device).total; }

std::int64_t cuda_bytes_in_use(Device device) {
  const DeviceMemory memory = memory_of(device);
  return memory.total - memory.free;
}

void cuda_upload(Device device, const void* from, void* to, std::int64_t bytes) {
  cuda_check(cudaSetDevice(device.index), "cudaSetDevice");
  cuda_check(cudaMemcpy(to, from, static_cast<std::size_t>(bytes), cudaMemcpyDefault), "cudaMemcpy");
  cuda_check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
}

void cuda_copy_rows(Device device, const void* from, std::int64_t from_stride, void* to, std::int64_t to_stride, std::int64_t bytes,
                    std::int64_t rows) {
  cuda_check(cudaSetDevice(device.index), "cudaSetDevice");
  cuda_check(cudaMemcpy2D(to, static_cast<std::size_t>(to_stride), from, static_cast<std::size_t>(from_stride),
                          static_cast<std::size_t>(bytes), static_cast<std::size_t>(rows), cudaMemcpyDefault),
             "cudaMemcpy2D");
  cuda_check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
}

void cuda_free(Device device, void* data) noexcept {
  cudaSetDevice(device.index);
  if (data == nullptr) return;
  cudaDeviceSynchronize();  // kernels may still use it
  cudaFree(data);
}

}  // namespace peer
