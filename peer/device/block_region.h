// Memory for buffers that are smaller than a huge page. Laid side by side on huge pages: a model has hundreds of them, and read one after
// the other from pages of the system's own size they came at two thirds of the speed.
#pragma once

#include <cstddef>

namespace peer {

// 64-byte aligned and not zeroed; nullptr when there is no memory left. bytes: above 0, below kBlockLimit. Thread-safe.
void* allocate_block(std::size_t bytes);
// bytes: as asked for. The last block to come is the first whose place is taken again; a region is given back with the last of its blocks.
void free_block(void* data, std::size_t bytes) noexcept;
inline constexpr std::size_t kBlockLimit = std::size_t{2} << 20;

}  // namespace peer
