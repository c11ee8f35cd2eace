#include "peer/device/copy.h"

#include <cstring>

#include "peer/device/cuda_backend.h"
#include "peer/device/cuda_build.h"

namespace peer {

void copy_bytes(Context& ctx, const void* from, void* to, std::int64_t bytes) {
  queue_copy(ctx, from, to, bytes);
  ctx.wait();
}

void queue_copy([[maybe_unused]] Context& ctx, const void* from, void* to, std::int64_t bytes) {
  require(bytes >= 0, "copy: a size must not be negative");
  if (bytes == 0) return;
  if constexpr (kWithCuda)
    if (!ctx.device().is_cpu()) return cuda_copy(ctx, from, to, bytes);
  std::memcpy(to, from, static_cast<std::size_t>(bytes));
}

void queue_zero([[maybe_unused]] Context& ctx, void* to, std::int64_t bytes) {
  require(bytes >= 0, "copy: a size must not be negative");
  if (bytes == 0) return;
  if constexpr (kWithCuda)
    if (!ctx.device().is_cpu()) return cuda_set_zero(ctx, to, bytes);
  std::memset(to, 0, static_cast<std::size_t>(bytes));
}

}  // namespace peer
