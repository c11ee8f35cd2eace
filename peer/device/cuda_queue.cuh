#pragma once

#include <memory>

#include "peer/device/context.h"
#include "peer/device/cublas_plans.cuh"
#include "peer/device/cuda_handles.cuh"

namespace peer {

// Where the work of a Context on a CUDA device goes, in order: ops return before it is done, copies to the host wait for it.
struct CudaQueue {
  int device;
  CudaStream stream;
  std::unique_ptr<CublasPlans> products;
};

// ctx's queue, with its device made the calling thread's current one. Requires: ctx's device is CUDA.
const CudaQueue& cuda_queue(Context& ctx);

}  // namespace peer
