#include "tests/simulated_gpu/device_memory.h"

#include <cuda_runtime.h>

#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string_view>

namespace simulated_gpu {
namespace {

constexpr std::size_t kAlignment = 256;

char* arena_begin = nullptr;

// A fault inside the arena is a missing wait; any other takes its usual course when the instruction runs again.
void on_fault(int, siginfo_t* info, void*) {
  const char* at = static_cast<const char*>(info->si_addr);
  if (at >= arena_begin && at < arena_begin + kTotalBytes) {
    constexpr std::string_view kLine =
        "simulated GPU: the host touched memory of the device while work for it was queued; wait(ctx) first\n";
    [[maybe_unused]] const auto written = write(STDERR_FILENO, kLine.data(), kLine.size());
  }
  std::signal(SIGSEGV, SIG_DFL);
}

class Arena {
 public:
  Arena() {
    void* data = mmap(nullptr, kTotalBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED) std::abort();
    begin_ = static_cast<char*>(data);
    arena_begin = begin_;
    free_[0] = kTotalBytes;
    watch_faults();
  }

  void* take(std::size_t bytes) {
    bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    for (auto& [offset, size] : free_) {
      if (size < bytes) continue;
      const std::size_t at = offset, rest = size - bytes;
      free_.erase(at);
      if (rest > 0) free_[at + bytes] = rest;
      taken_[at] = bytes;
      return begin_ + at;
    }
    return nullptr;
  }

  void give_back(void* data) {
    const auto taken = taken_.find(static_cast<std::size_t>(static_cast<char*>(data) - begin_));
    if (taken == taken_.end()) std::abort();  // freed twice, or never allocated
    auto at = free_.emplace(taken->first, taken->second).first;
    taken_.erase(taken);
    if (const auto next = std::next(at); next != free_.end() && at->first + at->second == next->first) {
      at->second += next->second;
      free_.erase(next);
    }
    if (at == free_.begin()) return;
    if (const auto before = std::prev(at); before->first + before->second == at->first) {
      before->second += at->second;
      free_.erase(at);
    }
  }

  std::size_t rest() const {
    std::size_t sum = 0;
    for (const auto& [offset, size] : free_) sum += size;
    return sum;
  }

  void open_to_host(bool open) {
    if (open == open_) return;
    mprotect(begin_, kTotalBytes, open ? PROT_READ | PROT_WRITE : PROT_NONE);
    open_ = open;
  }

 private:
  static void watch_faults() {
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, nullptr);
  }

  char* begin_;
  bool open_ = true;
  std::map<std::size_t, std::size_t> free_, taken_;  // bytes by offset
};

Arena& arena() {
  static Arena only;
  return only;
}

std::map<std::uintptr_t, std::size_t> pinned;  // bytes by address

bool is_pinned(std::uintptr_t address) {
  auto after = pinned.upper_bound(address);
  if (after == pinned.begin()) return false;
  const auto& [begin, bytes] = *std::prev(after);
  return address < begin + bytes;
}

}  // namespace

bool holds_host_pointer(const void* argument, std::size_t bytes) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  for (std::size_t at = 0; at + sizeof(std::uintptr_t) <= bytes; at += sizeof(std::uintptr_t)) {
    std::uintptr_t word = 0;
    std::memcpy(&word, static_cast<const char*>(argument) + at, sizeof word);
    const auto begin = reinterpret_cast<std::uintptr_t>(arena_begin);
    if (word < page || word >> 47 != 0 || (word >= begin && word < begin + kTotalBytes)) continue;
    if (is_pinned(word)) continue;
    if (msync(reinterpret_cast<void*>(word / page * page), 1, MS_ASYNC) == 0) return true;  // something is mapped there
  }
  return false;
}

bool is_of_device(const void* data) { return data >= arena_begin && data < arena_begin + kTotalBytes; }

void* allocate(std::size_t bytes) { return arena().take(bytes); }
void release(void* data) { arena().give_back(data); }
std::size_t free_bytes() { return arena().rest(); }
void set_open_to_host(bool open) { arena().open_to_host(open); }

void* allocate_pinned(std::size_t bytes) {
  void* data = std::malloc(bytes);
  if (data != nullptr) pinned[reinterpret_cast<std::uintptr_t>(data)] = bytes;
  return data;
}

void release_pinned(void* data) {
  if (pinned.erase(reinterpret_cast<std::uintptr_t>(data)) == 0) std::abort();  // freed twice, or never allocated
  std::free(data);
}

}  // namespace simulated_gpu
