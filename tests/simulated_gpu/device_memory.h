#pragma once

#include <cstddef>

namespace simulated_gpu {

// All memory of the simulated device, one stretch of addresses. While work is queued the host may not touch it: a read or write from
// the host that did not wait ends the program with one line that says so, as it would silently go wrong on a GPU.
inline constexpr std::size_t kTotalBytes = std::size_t{16} << 30;  // addresses: memory is taken where it is written

void* allocate(std::size_t bytes);  // null when there is no room
void release(void* data);
std::size_t free_bytes();
bool is_of_device(const void* data);
void set_open_to_host(bool open);

// Memory of the host that the device may read and write too; never closed to the host.
void* allocate_pinned(std::size_t bytes);  // null when there is no room
void release_pinned(void* data);

}  // namespace simulated_gpu
