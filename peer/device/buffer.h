#pragma once

#include <cstdint>
#include <utility>

#include "peer/base/view.h"
#include "peer/device/device.h"

namespace peer {

// Zeroed memory of one device, 64-byte aligned; on the CPU on huge pages, from 16 KiB on. Throws DeviceError with what was
// asked for (and on CUDA what is free) when there is none left.
void* allocate_bytes(Device device, std::int64_t bytes);
// The same for a page of experts, which a CUDA device that is four fifths full reads from the machine's memory instead.
void* allocate_page(Device device, std::int64_t bytes);
void free_bytes(Device device, void* data, std::int64_t bytes) noexcept;
// From memory of the host into memory of an idle device, where it stays until the host touches it.
void upload_bytes(Device device, const void* from, void* to, std::int64_t bytes);
// The same row by row: `rows` of `bytes` each, `from_stride` and `to_stride` bytes apart. Either side may be of the idle device or the
// host.
void copy_rows(Device device, const void* from, std::int64_t from_stride, void* to, std::int64_t to_stride, std::int64_t bytes,
               std::int64_t rows);
// What the device has: of the CPU the machine's memory.
std::int64_t memory_bytes(Device device);

// Owns `size` elements on one device. Move-only; View borrows from it. Memory of a CUDA device is
// unified: the host may read and write it too, after Context::wait() and before the next op.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  Buffer(Device device, std::int64_t size)
      : device_(device), size_(size), data_(static_cast<T*>(allocate_bytes(device, size * static_cast<std::int64_t>(sizeof(T))))) {}
  explicit Buffer(std::int64_t size) : Buffer(Device{}, size) {}
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~Buffer() { free_bytes(device_, data_, bytes()); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::int64_t size() const { return size_; }
  std::int64_t bytes() const { return size_ * static_cast<std::int64_t>(sizeof(T)); }
  bool empty() const { return size_ == 0; }
  Device device() const { return device_; }
  T& operator[](std::int64_t i) { return data_[i]; }
  const T& operator[](std::int64_t i) const { return data_[i]; }

  template <class... Sizes>
  View<T, sizeof...(Sizes)> view(Sizes... sizes) {
    return {data_, sizes...};
  }
  template <class... Sizes>
  View<const T, sizeof...(Sizes)> view(Sizes... sizes) const {
    return {data_, sizes...};
  }

 private:
  void swap(Buffer& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(size_, other.size_);
    std::swap(data_, other.data_);
  }
  Device device_;
  std::int64_t size_ = 0;
  T* data_ = nullptr;
};

}  // namespace peer
