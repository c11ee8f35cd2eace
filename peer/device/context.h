#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "peer/device/buffer.h"
#include "peer/device/cpu_path.h"
#include "peer/device/device.h"
#include "peer/device/precision.h"
#include "peer/device/profile.h"

namespace peer {

struct CudaQueue;
class Bf16Products;

// Where and with what an op runs: the device, its threads or its CUDA queue, and scratch memory. Passed first everywhere; there are no
// globals.
class Context {
 public:
  // threads <= 0: one for each core of the affinity mask. Throws DeviceError when the device is not there, ContractError
  // when the path is not.
  explicit Context(Device device = {}, int threads = 0, CpuPath cpu_path = chosen_cpu_path());

  Device device() const { return device_; }
  int threads() const { return threads_; }
  CpuPath cpu_path() const { return cpu_path_; }
  const CudaQueue* cuda() const { return cuda_.get(); }  // null on the CPU
  // Returns when the device has done what it was given. From then until the next op the host may read and write the device's memory.
  void wait();
  // So that an op which is timed is timed to its end.
  void wait_if_profiled() {
    if (profile_ != nullptr) wait();
  }
  // The device with the name of the card: results may differ in their last bits from one kind of card to another.
  std::string device_name() const;

  // See precision.h; PrecisionScope sets it after a look at the device.
  void set_precision(Precision precision) { precision_ = precision; }
  Precision precision() const { return precision_; }
  Bf16Products& bf16_products();  // made at the first call

  // Times every op from now on; null ends it. The profile must outlive its use here.
  void set_profile(Profile* profile) { profile_ = profile; }
  Profile* profile() const { return profile_; }

  // Additions and multiplications of GEMMs, attention and experts so far: all but a few hundredths of what there is. From any thread.
  void count_flops(double flops) { std::atomic_ref<double>(flops_).fetch_add(flops, std::memory_order_relaxed); }
  double flops() const { return flops_; }

  // At least `size` uninitialised elements, valid until the next call with the same slot. Grows once, then allocates nothing.
  // A slot belongs to one op at a time; an op that needs two buffers takes two slots.
  template <class T>
  T* scratch(int slot, std::int64_t size) {
    return static_cast<T*>(scratch_bytes(slot, size * static_cast<std::int64_t>(sizeof(T))));
  }
  std::int64_t scratch_total_bytes() const;
  // How often a slot has got other memory.
  std::int64_t scratch_moves() const { return scratch_moves_; }

 private:
  void* scratch_bytes(int slot, std::int64_t bytes);
  static constexpr int kSlots = 8;
  Device device_;
  int threads_;
  CpuPath cpu_path_;
  std::shared_ptr<CudaQueue> cuda_;  // shared_ptr destroys what is only declared here, so that no caller needs a header of CUDA
  Precision precision_ = Precision::kFp32;
  std::shared_ptr<Bf16Products> bf16_products_;
  Profile* profile_ = nullptr;
  double flops_ = 0;
  Buffer<char> scratch_[kSlots];
  std::int64_t scratch_moves_ = 0;
};

}  // namespace peer
