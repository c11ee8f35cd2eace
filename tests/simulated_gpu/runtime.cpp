#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <mutex>
#include <set>
#include <utility>

#include "tests/simulated_gpu/device_memory.h"
#include "tests/simulated_gpu/simulated_stream.h"

namespace simulated_gpu {
namespace {

std::recursive_mutex mutex;
std::set<cudaStream_t> streams;
cudaError_t failure = cudaSuccess;

bool any_recording() {
  return std::any_of(streams.begin(), streams.end(), [](cudaStream_t stream) { return stream->recording != nullptr; });
}

}  // namespace

void queue(cudaStream_t stream, std::function<void()> work) {
  const std::lock_guard lock(mutex);
  if (stream->recording != nullptr) return stream->recording->work.push_back(std::move(work));
  stream->work.push_back(std::move(work));
  set_open_to_host(false);
}

cudaError_t finish_all() {
  const std::lock_guard lock(mutex);
  if (any_recording()) return cudaErrorStreamCaptureUnsupported;
  set_open_to_host(true);
  for (cudaStream_t stream : streams) {
    const auto work = std::exchange(stream->work, {});
    for (const auto& item : work) {
      if (failure != cudaSuccess) break;
      try {
        item();
      } catch (const std::exception&) {
        failure = cudaErrorLaunchFailure;
      }
    }
  }
  return failure;
}

}  // namespace simulated_gpu

using namespace simulated_gpu;

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInvalidDevicePointer:
      return "invalid device pointer";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    case cudaErrorLaunchFailure:
      return "unspecified launch failure";
    case cudaErrorStreamCaptureUnsupported:
      return "operation not permitted when stream is capturing";
  }
  return "unknown error";
}

cudaError_t cudaGetLastError() { return failure; }

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) { return device == 0 ? cudaSuccess : cudaErrorInvalidDevice; }

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  *properties = {"simulated GPU", 8, 0, 1, 1};
  return cudaSetDevice(device);
}

cudaError_t cudaMallocManaged(void** data, std::size_t bytes, unsigned) {
  const std::lock_guard lock(mutex);
  if (any_recording()) return cudaErrorStreamCaptureUnsupported;
  *data = allocate(bytes);
  return *data == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
}

cudaError_t cudaFree(void* data) {
  const cudaError_t status = finish_all();
  if (data != nullptr) release(data);
  return status;
}

cudaError_t cudaMallocHost(void** data, std::size_t bytes) {
  const std::lock_guard lock(mutex);
  *data = allocate_pinned(bytes);
  return *data == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
}

cudaError_t cudaFreeHost(void* data) {
  const std::lock_guard lock(mutex);
  const cudaError_t status = finish_all();
  if (data != nullptr) release_pinned(data);
  return status;
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *free = free_bytes(), *total = kTotalBytes;
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind) {
  const cudaError_t status = finish_all();
  if (status == cudaSuccess) std::memcpy(to, from, bytes);
  return status;
}

cudaError_t cudaMemset(void* data, int value, std::size_t bytes) {
  const cudaError_t status = finish_all();
  if (status == cudaSuccess) std::memset(data, value, bytes);
  return status;
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  const std::lock_guard lock(mutex);
  *stream = new SimulatedStream;
  streams.insert(*stream);
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const std::lock_guard lock(mutex);
  finish_all();
  streams.erase(stream);
  delete stream;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t) { return finish_all(); }

cudaError_t cudaDeviceSynchronize() { return finish_all(); }

cudaError_t cudaMemsetAsync(void* data, int value, std::size_t bytes, cudaStream_t stream) {
  queue(stream, [=] { std::memset(data, value, bytes); });
  return cudaSuccess;
}

cudaError_t cudaMemcpy2D(void* to, std::size_t to_stride, const void* from, std::size_t from_stride, std::size_t row_bytes,
                         std::size_t rows, cudaMemcpyKind kind) {
  for (std::size_t row = 0; row < rows; ++row) {
    const cudaError_t status =
        cudaMemcpy(static_cast<std::byte*>(to) + row * to_stride, static_cast<const std::byte*>(from) + row * from_stride, row_bytes, kind);
    if (status != cudaSuccess) return status;
  }
  return cudaSuccess;
}

cudaError_t cudaMemset2DAsync(void* data, std::size_t stride, int value, std::size_t row_bytes, std::size_t rows, cudaStream_t stream) {
  queue(stream, [=] {
    for (std::size_t row = 0; row < rows; ++row) std::memset(static_cast<std::byte*>(data) + row * stride, value, row_bytes);
  });
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  queue(stream, [=] { std::memcpy(to, from, bytes); });
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  const std::lock_guard lock(mutex);
  if (stream->recording != nullptr) return cudaErrorStreamCaptureUnsupported;
  stream->recording = new SimulatedGraph;
  set_open_to_host(false);  // what the host reads now, it would not read again when the graph is started
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const std::lock_guard lock(mutex);
  *graph = std::exchange(stream->recording, nullptr);
  set_open_to_host(stream->work.empty());
  return *graph == nullptr ? cudaErrorStreamCaptureUnsupported : cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  *exec = new SimulatedGraph(*graph);
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) { return cudaGraphDestroy(exec); }

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  for (const auto& item : exec->work) queue(stream, item);
  return cudaSuccess;
}

cudaError_t cudaMemAdvise(const void* data, std::size_t, cudaMemoryAdvise, cudaMemLocation) {
  return is_of_device(data) ? cudaSuccess : cudaErrorInvalidDevicePointer;
}

cudaError_t cudaMemPrefetchAsync(const void* data, std::size_t, cudaMemLocation, unsigned, cudaStream_t) {
  return is_of_device(data) ? cudaSuccess : cudaErrorInvalidDevicePointer;
}
