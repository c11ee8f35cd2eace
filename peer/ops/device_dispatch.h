#pragma once

#include <string>
#include <type_traits>

#include "peer/base/error.h"
#include "peer/device/context.h"
#include "peer/device/cuda_build.h"
#include "peer/ops/cpu_table.h"

namespace peer::ops {

template <auto CudaTwin, class Op>
auto on_cuda(Context& ctx, const Op& op) {
  if constexpr (std::is_void_v<decltype(CudaTwin(ctx, op))>) {
    CudaTwin(ctx, op);
    ctx.wait_if_profiled();
  } else {
    const auto result = CudaTwin(ctx, op);
    ctx.wait_if_profiled();
    return result;
  }
}

// Calls the op's twin of ctx's device: dispatch<&CpuTwins::rotary, cuda::rotary>(ctx, "rotary", op). A build without CUDA emits no
// reference to the CUDA twin, so nothing has to stand in for it.
template <auto CpuTwin, auto CudaTwin, class Op>
auto dispatch(Context& ctx, const char* name, const Op& op) {
  // What an op has to do is said beside its arguments; some of it follows from indices, for which another device is waited for.
  const Timed timed(ctx.profile(), name, [&] {
    ctx.wait();
    return work(op);
  });
  if (ctx.device().is_cpu()) return (cpu_twins(ctx).*CpuTwin)(ctx, op);
  if constexpr (kWithCuda)
    return on_cuda<CudaTwin>(ctx, op);
  else
    throw DeviceError(std::string(name) + ": this build has no twin for device '" + to_text(ctx.device()) + "'; try --device cpu");
}

}  // namespace peer::ops
