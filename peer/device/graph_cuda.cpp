#include "peer/device/cuda_backend.h"
#include "peer/device/cuda_check.cuh"
#include "peer/device/cuda_queue.cuh"

namespace peer {

struct CudaGraph {
  CudaGraphExec exec;
};

std::shared_ptr<CudaGraph> cuda_record(Context& ctx, const std::function<void()>& work) {
  const cudaStream_t stream = cuda_queue(ctx).stream.get();
  cudaGraph_t recorded = nullptr;
  cuda_check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  try {
    work();
  } catch (...) {
    cudaStreamEndCapture(stream, &recorded);
    const CudaRecordedGraph discarded(recorded);
    throw;
  }
  const cudaError_t ended = cudaStreamEndCapture(stream, &recorded);
  const CudaRecordedGraph graph(recorded);
  cuda_check(ended, "cudaStreamEndCapture");
  cudaGraphExec_t exec = nullptr;
  cuda_check(cudaGraphInstantiate(&exec, graph.get(), 0), "cudaGraphInstantiate");
  return std::make_shared<CudaGraph>(CudaGraph{CudaGraphExec(exec)});
}

void cuda_replay(Context& ctx, CudaGraph& graph) {
  cuda_check(cudaGraphLaunch(graph.exec.get(), cuda_queue(ctx).stream.get()), "cudaGraphLaunch");
}

}  // namespace peer
