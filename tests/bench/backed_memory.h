// Memory that the system has at hand. What a virtual machine touches for the first time, or has not used for seconds, its host must find
// first: there a fault of 2 MiB takes many times as long as zeroing it. Held memory that is given back bit by bit lets a
// benchmark touch as much anew without that wait.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <new>

namespace peer::bench {

class BackedMemory {
 public:
  explicit BackedMemory(std::int64_t bytes) : left_(round(bytes)) {
    if (left_ == 0) return;
    void* all = mmap(nullptr, static_cast<std::size_t>(left_), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) throw std::bad_alloc();
    at_ = static_cast<char*>(all);
    madvise(at_, static_cast<std::size_t>(left_), MADV_HUGEPAGE);
    for (std::int64_t i = 0; i < left_; i += 4096) at_[i] = 1;
  }
  BackedMemory(const BackedMemory&) = delete;
  ~BackedMemory() { give_back(left_); }

  void give_back(std::int64_t bytes) {
    const std::int64_t some = std::min(left_, round(bytes));
    if (some == 0) return;
    munmap(at_, static_cast<std::size_t>(some));
    at_ += some, left_ -= some;
  }

 private:
  static std::int64_t round(std::int64_t bytes) { return (bytes + kHuge - 1) / kHuge * kHuge; }
  static constexpr std::int64_t kHuge = 2 << 20;

  char* at_ = nullptr;
  std::int64_t left_;
};

}  // namespace peer::bench
