#include "peer/device/residence.h"

#include "peer/device/cuda_backend.h"
#include "peer/device/cuda_check.cuh"
#include "peer/device/cuda_queue.cuh"

namespace peer {
namespace {

// CUDA 13 names a place by its kind and number; 12 by the number of a device, or -1 for the host.
template <class Location>
cudaError_t advise(void* data, std::size_t bytes, cudaMemoryAdvise advice, Location place) {
  if constexpr (requires { cudaMemAdvise(data, bytes, advice, place); })
    return cudaMemAdvise(data, bytes, advice, place);
  else
    return cudaMemAdvise(data, bytes, advice, place.id);
}

template <class Location>
cudaError_t prefetch(void* data, std::size_t bytes, Location place, cudaStream_t stream) {
  if constexpr (requires { cudaMemPrefetchAsync(data, bytes, place, 0u, stream); })
    return cudaMemPrefetchAsync(data, bytes, place, 0u, stream);
  else
    return cudaMemPrefetchAsync(data, bytes, place.id, stream);
}

cudaMemLocation place_of(Device device, Residence residence) {
  if (residence == Residence::kHost) return {cudaMemLocationTypeHost, cudaCpuDeviceId};
  return {cudaMemLocationTypeDevice, device.index};
}

}  // namespace

void cuda_advise(Device device, void* data, std::int64_t bytes, Residence residence) {
  const auto size = static_cast<std::size_t>(bytes);
  cuda_check(advise(data, size, cudaMemAdviseSetPreferredLocation, place_of(device, residence)), "cudaMemAdvise");
  // Mapped there, so that no touch moves it.
  cuda_check(advise(data, size, cudaMemAdviseSetAccessedBy, place_of(device, Residence::kDevice)), "cudaMemAdvise");
}

void cuda_populate(Device device, void* data, std::int64_t bytes) {
  prefetch(data, static_cast<std::size_t>(bytes), place_of(device, Residence::kDevice), nullptr);
  cudaGetLastError();
}

void cuda_set_residence(Context& ctx, void* data, std::int64_t bytes, Residence residence) {
  cuda_advise(ctx.device(), data, bytes, residence);
  cuda_check(prefetch(data, static_cast<std::size_t>(bytes), place_of(ctx.device(), residence), cuda_queue(ctx).stream.get()),
             "cudaMemPrefetchAsync");
}

}  // namespace peer
