#include "peer/device/cuda_backend.h"
#include "peer/device/cuda_check.cuh"
#include "peer/device/cuda_queue.cuh"

namespace peer {

void cuda_copy(Context& ctx, const void* from, void* to, std::int64_t bytes) {
  cuda_check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyDefault, cuda_queue(ctx).stream.get()),
             "cudaMemcpyAsync");
}

void cuda_set_zero(Context& ctx, void* to, std::int64_t bytes) {
  cuda_check(cudaMemsetAsync(to, 0, static_cast<std::size_t>(bytes), cuda_queue(ctx).stream.get()), "cudaMemsetAsync");
}

void cuda_wait(Context& ctx) { cuda_check(cudaStreamSynchronize(cuda_queue(ctx).stream.get()), "cudaStreamSynchronize"); }

}  // namespace peer
