#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/device/cuda_backend.h"
#include "peer/device/cuda_check.cuh"
#include "peer/device/cuda_handles.cuh"

namespace peer {

using PinnedMemory = CudaHandle<void*, cudaFreeHost>;

// A stream of its own, so that waiting for one slot is not waiting for the other's copies.
struct CudaReadSlot {
  CudaReadSlot(int index, CudaStream of_slot, PinnedMemory filled) : device(index), stream(std::move(of_slot)), memory(std::move(filled)) {}
  CudaReadSlot(const CudaReadSlot&) = delete;
  ~CudaReadSlot() { cudaStreamSynchronize(stream.get()); }  // destroying a stream would let its copies go on

  int device;
  CudaStream stream;
  PinnedMemory memory;
};

namespace {

PinnedMemory new_pinned_memory(std::int64_t bytes) {
  void* data = nullptr;
  const cudaError_t status = cudaMallocHost(&data, static_cast<std::size_t>(bytes));
  if (status == cudaErrorMemoryAllocation)
    throw DeviceError(fmt::format("out of page-locked memory of the host: asked for {} bytes; try with less running beside", bytes));
  cuda_check(status, "cudaMallocHost");
  return PinnedMemory(data);
}

}  // namespace

std::shared_ptr<CudaReadSlot> open_cuda_read_slot(Device device, std::int64_t bytes) {
  cuda_check(cudaSetDevice(device.index), "cudaSetDevice");
  cudaStream_t stream = nullptr;
  cuda_check(cudaStreamCreate(&stream), "cudaStreamCreate");
  CudaStream owner(stream);
  return std::make_shared<CudaReadSlot>(device.index, std::move(owner), new_pinned_memory(bytes));
}

void cuda_read(CudaReadSlot& slot, std::int64_t at, const void* from, std::int64_t bytes) {
  cuda_check(cudaSetDevice(slot.device), "cudaSetDevice");
  // The driver finds out on which side the numbers lie now: on the host, say, when it was the last to write them.
  cuda_check(cudaMemcpyAsync(static_cast<std::byte*>(slot.memory.get()) + at, from, static_cast<std::size_t>(bytes), cudaMemcpyDefault,
                             slot.stream.get()),
             "cudaMemcpyAsync");
}

const std::byte* cuda_wait(CudaReadSlot& slot) {
  cuda_check(cudaStreamSynchronize(slot.stream.get()), "cudaStreamSynchronize");
  return static_cast<const std::byte*>(slot.memory.get());
}

}  // namespace peer
