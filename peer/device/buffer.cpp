#include "peer/device/buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/base/require.h"

namespace peer {
namespace {
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
}  // namespace

void* allocate_bytes(Device device, std::int64_t bytes) {
  require(device.is_cpu(), "buffer: this build allocates on the CPU only");
  require(bytes >= 0, "buffer: a size must not be negative");
  if (bytes == 0) return nullptr;
  const bool huge = static_cast<std::size_t>(bytes) >= kHugePage;
  const std::size_t alignment = huge ? kHugePage : kAlignment;
  const std::size_t rounded = (static_cast<std::size_t>(bytes) + alignment - 1) / alignment * alignment;
  void* data = std::aligned_alloc(alignment, rounded);
  if (data == nullptr) throw DeviceError(fmt::format("out of memory on cpu: asked for {} bytes; try a smaller batch or preset", bytes));
  if (huge) madvise(data, rounded, MADV_HUGEPAGE);  // a hint: smaller pages are slower, never wrong
  std::memset(data, 0, rounded);
  return data;
}

void free_bytes(Device, void* data, std::int64_t) noexcept { std::free(data); }

}  // namespace peer
