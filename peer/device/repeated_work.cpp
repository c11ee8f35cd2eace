#include "peer/device/repeated_work.h"

#include "peer/device/cuda_backend.h"
#include "peer/device/cuda_build.h"

namespace peer {

bool RepeatedWork::same_as_before(Context& ctx, std::uint64_t arguments) {
  return arguments_ == arguments && scratch_moves_ == ctx.scratch_moves() && precision_ == ctx.precision();
}

void RepeatedWork::run(Context& ctx, std::uint64_t arguments, const std::function<void()>& work) {
  if constexpr (kWithCuda) {
    if (!ctx.device().is_cpu() && ctx.profile() == nullptr && same_as_before(ctx, arguments)) {
      if (graph_ == nullptr) {
        const double before = ctx.flops();
        graph_ = cuda_record(ctx, work);
        flops_ = ctx.flops() - before;
      } else {
        ctx.count_flops(flops_);
      }
      return cuda_replay(ctx, *graph_);
    }
  }
  graph_ = nullptr;
  work();
  // After it, since the first run makes the scratch memory as large as it has to be.
  arguments_ = arguments, scratch_moves_ = ctx.scratch_moves(), precision_ = ctx.precision();
}

}  // namespace peer
