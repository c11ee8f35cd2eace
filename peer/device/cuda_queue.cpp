#include "peer/device/cuda_queue.cuh"

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/base/require.h"
#include "peer/device/cuda_backend.h"
#include "peer/device/cuda_check.cuh"

namespace peer {
namespace {

constexpr int kOldestMajor = 8;  // as cuda.cmake builds

cudaDeviceProp properties(int index) {
  cudaDeviceProp card;
  cuda_check(cudaGetDeviceProperties(&card, index), "cudaGetDeviceProperties");
  return card;
}

void require_device(int index) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess) throw DeviceError(fmt::format("no CUDA device: {}; try --device cpu", cudaGetErrorString(status)));
  if (index < 0 || index >= count)
    throw DeviceError(fmt::format("no CUDA device: expected one of the {} here, found 'cuda:{}'; try --device cpu", count, index));
  const cudaDeviceProp card = properties(index);
  if (card.major < kOldestMajor || card.concurrentManagedAccess == 0)
    throw DeviceError(fmt::format(
        "no CUDA device: {} (compute capability {}.{}) is too old, or its unified memory cannot be shared with the host; try --device cpu",
        card.name, card.major, card.minor));
}

CudaStream new_stream() {
  cudaStream_t stream = nullptr;
  cuda_check(cudaStreamCreate(&stream), "cudaStreamCreate");
  return CudaStream(stream);
}

}  // namespace

std::shared_ptr<CudaQueue> open_cuda_queue(Device device) {
  require_device(device.index);
  cuda_check(cudaSetDevice(device.index), "cudaSetDevice");
  CudaStream stream = new_stream();
  auto products = std::make_unique<CublasPlans>(device, stream.get());
  return std::make_shared<CudaQueue>(CudaQueue{device.index, std::move(stream), std::move(products)});
}

std::string cuda_card_name(Device device) { return properties(device.index).name; }

const CudaQueue& cuda_queue(Context& ctx) {
  require(ctx.cuda() != nullptr, "context: its device has no CUDA queue");
  cuda_check(cudaSetDevice(ctx.cuda()->device), "cudaSetDevice");
  return *ctx.cuda();
}

}  // namespace peer
