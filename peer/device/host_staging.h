#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "peer/device/device.h"

namespace peer {

struct CudaReadSlot;

// Reads memory of a device on the host, in order and a piece ahead: while the host works on one piece, the next is copied into page-locked
// memory beside it. What is read stays where it is, where a read by the host itself would move whole pages of unified memory away from the
// device and back. Memory of the CPU is shown in place.
class HostStaging {
 public:
  static constexpr std::int64_t kPieceBytes = std::int64_t{32} << 20;

  // Two pieces of page-locked memory are taken at the first read of another device than the CPU, and kept.
  explicit HostStaging(Device device = {}, std::int64_t piece_bytes = kPieceBytes) : device_(device), piece_bytes_(piece_bytes) {}

  struct Source {
    const void* data = nullptr;
    std::int64_t bytes = 0;
    std::int64_t unit_bytes = 1;  // what is shown is whole units
  };
  // `offset` into the source, in bytes. What is shown is gone at the next call.
  using Visit = std::function<void(std::size_t source, std::int64_t offset, std::span<const std::byte> bytes)>;

  // Shows every byte of every source once, in order. The device must be idle, and until this returns the host leaves its memory alone.
  void read(std::span<const Source> sources, const Visit& visit);

  Device device() const { return device_; }

 private:
  struct Shown {
    std::size_t source;
    std::int64_t offset, bytes;
  };
  struct Slot {
    std::shared_ptr<CudaReadSlot> memory;  // shared_ptr destroys what is only declared here
    std::vector<Shown> shown;              // one after another in the memory
  };
  struct Place {
    std::size_t source = 0;
    std::int64_t offset = 0;
  };
  void read_through_slots(std::span<const Source> sources, const Visit& visit);
  void fill(Slot& slot, std::span<const Source> sources, Place& next);

  Device device_;
  std::int64_t piece_bytes_;
  std::array<Slot, 2> slots_;
};

}  // namespace peer
