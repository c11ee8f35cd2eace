#include "peer/device/cuda_queue.cuh"

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/base/require.h"
#include "peer/device/cuda_backend.h"
#include "peer/device/cuda_check.cuh"

namespace peer {
namespace {

constexpr int kOldestMajor = 8;                                // as cuda.cmake builds
constexpr std::int64_t kCublasBytes = std::int64_t{32} << 20;  // as cuBLAS takes itself on sm_90

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

CublasHandle new_cublas(cudaStream_t stream) {
  cublasHandle_t handle = nullptr;
  cuda_check(cublasCreate(&handle), "cublasCreate");
  CublasHandle owner(handle);
  cuda_check(cublasSetStream(handle, stream), "cublasSetStream");
  // fp32 products in fp32, not in TF32; and sums of bf16 products in fp32 to the end.
  cuda_check(cublasSetMathMode(handle, static_cast<cublasMath_t>(CUBLAS_DEFAULT_MATH | CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION)),
             "cublasSetMathMode");
  return owner;
}

}  // namespace

std::shared_ptr<CudaQueue> open_cuda_queue(Device device) {
  require_device(device.index);
  cuda_check(cudaSetDevice(device.index), "cudaSetDevice");
  CudaStream stream = new_stream();
  CublasHandle cublas = new_cublas(stream.get());
  Buffer<char> memory(device, kCublasBytes);
  cuda_check(cublasSetWorkspace(cublas.get(), memory.data(), static_cast<std::size_t>(kCublasBytes)), "cublasSetWorkspace");
  return std::make_shared<CudaQueue>(CudaQueue{device.index, std::move(stream), std::move(cublas), std::move(memory)});
}

std::string cuda_card_name(Device device) { return properties(device.index).name; }

const CudaQueue& cuda_queue(Context& ctx) {
  require(ctx.cuda() != nullptr, "context: its device has no CUDA queue");
  cuda_check(cudaSetDevice(ctx.cuda()->device), "cudaSetDevice");
  return *ctx.cuda();
}

}  // namespace peer
