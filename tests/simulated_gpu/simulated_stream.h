#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <vector>

// Work in order, none of which is done before somebody waits: what a host that forgot to wait would read is never there by luck.
struct SimulatedStream {
  std::vector<std::function<void()>> work;
  SimulatedGraph* recording = nullptr;  // where the work goes instead
};
struct SimulatedGraph {
  std::vector<std::function<void()>> work;
};

namespace simulated_gpu {

void queue(cudaStream_t stream, std::function<void()> work);
// Does what all streams hold; not while one is recorded, since nobody could wait for what it is given. A kernel that fails takes the rest
// with it: from then on every call reports the failure, as on a GPU.
cudaError_t finish_all();

}  // namespace simulated_gpu
