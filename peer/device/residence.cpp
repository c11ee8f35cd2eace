#include "peer/device/residence.h"

#include "peer/device/cuda_backend.h"
#include "peer/device/cuda_build.h"

namespace peer {

void set_residence([[maybe_unused]] Context& ctx, [[maybe_unused]] void* data, [[maybe_unused]] std::int64_t bytes,
                   [[maybe_unused]] Residence residence) {
  if constexpr (kWithCuda)
    if (!ctx.device().is_cpu()) cuda_set_residence(ctx, data, bytes, residence);
}

std::int64_t device_bytes_in_use([[maybe_unused]] Device device) {
  if constexpr (kWithCuda)
    if (!device.is_cpu()) return cuda_bytes_in_use(device);
  return 0;
}

}  // namespace peer
