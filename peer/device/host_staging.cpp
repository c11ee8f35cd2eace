#include "peer/device/host_staging.h"

#include <algorithm>

#include "peer/base/require.h"
#include "peer/device/cuda_backend.h"
#include "peer/device/cuda_build.h"

namespace peer {

void HostStaging::read(std::span<const Source> sources, const Visit& visit) {
  for (const Source& source : sources)
    require(source.bytes >= 0 && source.unit_bytes > 0 && source.bytes % source.unit_bytes == 0 && source.unit_bytes <= piece_bytes_,
            "host_staging: a source must be whole units that fit into a piece");
  if constexpr (kWithCuda)
    if (!device_.is_cpu()) return read_through_slots(sources, visit);
  for (std::size_t s = 0; s < sources.size(); ++s)
    if (sources[s].bytes > 0) visit(s, 0, {static_cast<const std::byte*>(sources[s].data), static_cast<std::size_t>(sources[s].bytes)});
}

void HostStaging::read_through_slots([[maybe_unused]] std::span<const Source> sources, [[maybe_unused]] const Visit& visit) {
  if constexpr (kWithCuda) {
    for (Slot& slot : slots_)
      if (!slot.memory) slot.memory = open_cuda_read_slot(device_, piece_bytes_);
    try {
      Place next;
      fill(slots_[0], sources, next);
      for (std::size_t turn = 0; !slots_[turn].shown.empty(); turn = 1 - turn) {
        const std::byte* memory = cuda_wait(*slots_[turn].memory);
        fill(slots_[1 - turn], sources, next);
        for (const Shown& shown : slots_[turn].shown) {
          visit(shown.source, shown.offset, {memory, static_cast<std::size_t>(shown.bytes)});
          memory += shown.bytes;
        }
      }
    } catch (...) {
      for (Slot& slot : slots_) slot.memory.reset();  // waits for the piece that is on its way
      throw;
    }
  }
}

// As much as there is room for: small tensors travel together.
void HostStaging::fill([[maybe_unused]] Slot& slot, std::span<const Source> sources, Place& next) {
  slot.shown.clear();
  for (std::int64_t used = 0; next.source < sources.size();) {
    const Source& source = sources[next.source];
    const std::int64_t left = source.bytes - next.offset, room = (piece_bytes_ - used) / source.unit_bytes * source.unit_bytes;
    const std::int64_t bytes = std::min(left, room);
    if (left > 0 && bytes == 0) return;
    if constexpr (kWithCuda)
      if (bytes > 0) cuda_read(*slot.memory, used, static_cast<const std::byte*>(source.data) + next.offset, bytes);
    if (bytes > 0) slot.shown.push_back({next.source, next.offset, bytes});
    used += bytes;
    next = bytes == left ? Place{next.source + 1, 0} : Place{next.source, next.offset + bytes};
  }
}

}  // namespace peer
