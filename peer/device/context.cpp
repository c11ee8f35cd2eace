#include "peer/device/context.h"

#include <omp.h>

#include "peer/base/error.h"
#include "peer/base/require.h"
#include "peer/device/bf16_products.h"
#include "peer/device/cuda_backend.h"
#include "peer/device/cuda_build.h"

namespace peer {

Context::Context(Device device, int threads, CpuPath cpu_path)
    : device_(device), threads_(threads > 0 ? threads : omp_get_num_procs()), cpu_path_(cpu_path) {
  require(is_runnable(cpu_path), "context: the CPU path must be one that this build has and this machine runs");
  if (!device.is_cpu()) {
    if constexpr (kWithCuda)
      cuda_ = open_cuda_queue(device);
    else
      throw DeviceError("device '" + to_text(device) + "': this build is without CUDA; try --device cpu");
  }
  omp_set_num_threads(threads_);
}

Bf16Products& Context::bf16_products() {
  if (!bf16_products_) bf16_products_ = std::make_shared<Bf16Products>();
  return *bf16_products_;
}

void Context::wait() {
  if constexpr (kWithCuda)
    if (!device_.is_cpu()) cuda_wait(*this);
}

std::string Context::device_name() const {
  if constexpr (kWithCuda)
    if (!device_.is_cpu()) return to_text(device_) + " (" + cuda_card_name(device_) + ")";
  return to_text(device_);
}

void* Context::scratch_bytes(int slot, std::int64_t bytes) {
  require(slot >= 0 && slot < kSlots, "context: scratch slot out of range");
  Buffer<char>& buffer = scratch_[slot];
  if (buffer.size() < bytes) {
    buffer = Buffer<char>(device_, bytes);
    ++scratch_moves_;
  }
  return buffer.data();
}

std::int64_t Context::scratch_total_bytes() const {
  std::int64_t total = 0;
  for (const auto& buffer : scratch_) total += buffer.bytes();
  return total;
}

}  // namespace peer
