#include "peer/device/block_region.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <mutex>

namespace peer {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kRegionBytes = std::size_t{32} << 20;  // of addresses; memory is taken as blocks are written

// Lies at the start of its region, whose address is a multiple of its size: a block's own address tells where.
struct Region {
  std::size_t used = kAlignment;  // bytes, from the start
  std::int64_t blocks = 0;
};
static_assert(sizeof(Region) <= kAlignment);

std::size_t aligned(std::size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

std::mutex mutex;
Region* newest = nullptr;

Region* region_of(void* block) { return reinterpret_cast<Region*>(reinterpret_cast<std::uintptr_t>(block) / kRegionBytes * kRegionBytes); }

Region* make_region() {
  void* memory = std::aligned_alloc(kRegionBytes, kRegionBytes);
  if (memory == nullptr) return nullptr;
  madvise(memory, kRegionBytes, MADV_HUGEPAGE);  // a hint: smaller pages are slower, never wrong
  return new (memory) Region;
}

}  // namespace

void* allocate_block(std::size_t bytes) {
  bytes = aligned(bytes);
  const std::lock_guard lock(mutex);
  if (newest == nullptr || newest->used + bytes > kRegionBytes) {
    Region* region = make_region();
    if (region == nullptr) return nullptr;
    newest = region;
  }
  void* block = reinterpret_cast<std::byte*>(newest) + newest->used;
  newest->used += bytes, ++newest->blocks;
  return block;
}

void free_block(void* data, std::size_t bytes) noexcept {
  const std::lock_guard lock(mutex);
  Region* region = region_of(data);
  const auto place = static_cast<std::size_t>(static_cast<std::byte*>(data) - reinterpret_cast<std::byte*>(region));
  --region->blocks;
  if (region == newest) {
    if (region->blocks == 0)
      region->used = kAlignment;
    else if (place + aligned(bytes) == region->used)
      region->used = place;
  } else if (region->blocks == 0) {
    std::free(region);
  }
}

}  // namespace peer
