#include "peer/device/buffer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/base/require.h"
#include "peer/device/block_region.h"
#include "peer/device/cuda_backend.h"
#include "peer/device/cuda_build.h"

namespace peer {
namespace {
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::int64_t kBlockBytes = 16 << 10;  // from here on a page of the system's own size is too small

// Between the two, buffers share huge pages; not where a sanitizer watches the ends of each.
#if defined(__SANITIZE_ADDRESS__)
bool shares_pages(std::int64_t) { return false; }
#else
bool shares_pages(std::int64_t bytes) { return bytes >= kBlockBytes && static_cast<std::size_t>(bytes) < kBlockLimit; }
#endif
}  // namespace

void* allocate_bytes(Device device, std::int64_t bytes) {
  require(bytes >= 0, "buffer: a size must not be negative");
  if (bytes == 0) return nullptr;
  if (!device.is_cpu()) {
    if constexpr (kWithCuda) return cuda_allocate(device, bytes);
    throw DeviceError("device '" + to_text(device) + "': this build is without CUDA; try --device cpu");
  }
  const bool huge = static_cast<std::size_t>(bytes) >= kHugePage;
  const std::size_t alignment = huge ? kHugePage : kAlignment;
  const std::size_t rounded = (static_cast<std::size_t>(bytes) + alignment - 1) / alignment * alignment;
  void* data = shares_pages(bytes) ? allocate_block(static_cast<std::size_t>(bytes)) : std::aligned_alloc(alignment, rounded);
  if (data == nullptr) throw DeviceError(fmt::format("out of memory on cpu: asked for {} bytes; try a smaller batch or preset", bytes));
  if (huge) madvise(data, rounded, MADV_HUGEPAGE);  // a hint: smaller pages are slower, never wrong
  std::memset(data, 0, rounded);
  return data;
}

void* allocate_page(Device device, std::int64_t bytes) {
  if constexpr (kWithCuda)
    if (!device.is_cpu() && bytes > 0) return cuda_allocate_page(device, bytes);
  return allocate_bytes(device, bytes);
}

void free_bytes([[maybe_unused]] Device device, void* data, std::int64_t bytes) noexcept {
  if constexpr (kWithCuda)
    if (!device.is_cpu()) return cuda_free(device, data);
  if (data != nullptr && shares_pages(bytes)) return free_block(data, static_cast<std::size_t>(bytes));
  std::free(data);
}

void upload_bytes([[maybe_unused]] Device device, const void* from, void* to, std::int64_t bytes) {
  if (bytes == 0) return;
  if constexpr (kWithCuda)
    if (!device.is_cpu()) return cuda_upload(device, from, to, bytes);
  std::memcpy(to, from, static_cast<std::size_t>(bytes));
}

void copy_rows([[maybe_unused]] Device device, const void* from, std::int64_t from_stride, void* to, std::int64_t to_stride,
               std::int64_t bytes, std::int64_t rows) {
  require(bytes >= 0 && rows >= 0 && bytes <= from_stride && bytes <= to_stride, "copy_rows: rows must not overlap");
  if (bytes == 0 || rows == 0) return;
  if constexpr (kWithCuda)
    if (!device.is_cpu()) return cuda_copy_rows(device, from, from_stride, to, to_stride, bytes, rows);
  for (std::int64_t r = 0; r < rows; ++r)
    std::memcpy(static_cast<std::byte*>(to) + r * to_stride, static_cast<const std::byte*>(from) + r * from_stride,
                static_cast<std::size_t>(bytes));
}

std::int64_t memory_bytes([[maybe_unused]] Device device) {
  if constexpr (kWithCuda)
    if (!device.is_cpu()) return cuda_memory_bytes(device);
  return static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
}

}  // namespace peer
