#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "peer/device/context.h"

namespace peer {

struct CudaGraph;

// Ops that are given to a device again and again with the same arguments, such as those of a training step: only what lies in memory
// changes. On a GPU they are recorded once as a CUDA graph and from then on started by one call instead of hundreds; on the CPU, and while
// they are profiled, they are simply done.
class RepeatedWork {
 public:
  // Does `work`. Its ops must not wait for the device, nor the host read what it writes, before this returns and ctx.wait() does.
  // `arguments`: a digest of what the ops are given beside the contents of memory (addresses, shapes, switches). Where it differs from the
  // call before, or the context's scratch memory moved, `work` is done as it is and recorded at the next call.
  void run(Context& ctx, std::uint64_t arguments, const std::function<void()>& work);
  bool recorded() const { return graph_ != nullptr; }

 private:
  bool same_as_before(Context& ctx, std::uint64_t arguments);

  std::uint64_t arguments_ = 0;
  std::int64_t scratch_moves_ = -1;
  Precision precision_ = Precision::kFp32;
  double flops_ = 0;                  // of one run
  std::shared_ptr<CudaGraph> graph_;  // shared_ptr destroys what is only declared here
};

}  // namespace peer
