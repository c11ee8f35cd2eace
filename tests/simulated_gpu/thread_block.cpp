// Runs a kernel block by block. The threads of a block are fibers that take turns: a thread runs until it ends or meets a barrier that
// others have not reached. Stricter than a GPU: a barrier that a thread of the block (a shuffle that a lane of the warp) never reaches is a
// failure.
#include <boost/context/fiber.hpp>
#include <boost/context/fixedsize_stack.hpp>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include <cuda_runtime.h>
#include "tests/simulated_gpu/simulated_stream.h"

namespace simulated_gpu {
namespace {

constexpr unsigned kWarp = kLanes;
// A stack of each thread, no two of a warp at the same place of a page: they would share a few sets of the cache, and every turn miss it.
constexpr std::size_t stack_bytes(unsigned thread) { return (std::size_t{16} << 10) + thread % kWarp * 448; }

namespace context = boost::context;

// What some threads wait for all of: `arrivals` counts the times that everybody was there.
struct Barrier {
  unsigned members = 0, waiting = 0;
  std::uint64_t arrivals = 0;
};

struct Warp {
  Barrier barrier;
  std::uint64_t given[2][kWarp];  // by lane; of this exchange and of the one before, which some lanes have yet to read
};

struct Thread {
  context::fiber fiber;
  bool ended = false;
  const Barrier* waits_for = nullptr;
  std::uint64_t arrivals = 0;  // of waits_for, when it began to wait
  bool can_run() const { return !ended && (waits_for == nullptr || waits_for->arrivals != arrivals); }
};

class Block {
 public:
  explicit Block(dim3 threads)
      : size_(threads), threads_(threads.x * threads.y * threads.z), warps_((threads_.size() + kWarp - 1) / kWarp) {
    for (unsigned t = 0; t < threads_.size(); ++t) threads_[t].fiber = new_fiber(t);
  }

  void run(const std::function<void()>& thread) {
    body_ = &thread;
    for (Thread& t : threads_) t.ended = false, t.waits_for = nullptr;
    all_ = {static_cast<unsigned>(threads_.size()), 0, all_.arrivals};
    for (unsigned w = 0; w < warps_.size(); ++w)
      warps_[w].barrier.members = std::min<unsigned>(kWarp, static_cast<unsigned>(threads_.size()) - w * kWarp),
      warps_[w].barrier.waiting = 0;
    for (bool ran = true; ran;) {
      ran = false;
      for (unsigned t = 0; t < threads_.size(); ++t) {
        if (!threads_[t].can_run()) continue;
        ran = true;
        resume(t);
        if (trapped_) throw std::runtime_error("a kernel trapped");
      }
    }
    for (const Thread& t : threads_)
      if (!t.ended) throw std::runtime_error("a kernel waits at a barrier that not all of its threads reach");
  }

  void wait(Barrier& barrier) {
    Thread& self = threads_[running_];
    self.arrivals = barrier.arrivals;
    if (++barrier.waiting == barrier.members) {
      barrier.waiting = 0;
      ++barrier.arrivals;
      return;
    }
    self.waits_for = &barrier;
    host_ = std::move(host_).resume();
    self.waits_for = nullptr;
  }

  void wait_for_block() { wait(all_); }

  const std::uint64_t* exchange(std::uint64_t value) {
    Warp& warp = warps_[running_ / kWarp];
    std::uint64_t* given = warp.given[warp.barrier.arrivals % 2];
    given[running_ % kWarp] = value;
    wait(warp.barrier);
    return given;
  }

  unsigned running() const { return running_; }
  [[noreturn]] void trap() {
    trapped_ = true;
    host_ = std::move(host_).resume();
    throw std::logic_error("a trapped thread never runs again");
  }

 private:
  // Runs the body once for each time that it is resumed anew.
  context::fiber new_fiber(unsigned thread) {
    return context::fiber(std::allocator_arg, context::fixedsize_stack(stack_bytes(thread)), [this, thread](context::fiber&& host) {
      host_ = std::move(host);
      while (true) {
        (*body_)();
        threads_[thread].ended = true;
        host_ = std::move(host_).resume();
      }
      return std::move(host_);
    });
  }

  void resume(unsigned thread) {
    running_ = thread;
    threadIdx = dim3(thread % size_.x, thread / size_.x % size_.y, thread / size_.x / size_.y);
    threads_[thread].fiber = std::move(threads_[thread].fiber).resume();
  }

  dim3 size_;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  Barrier all_;
  context::fiber host_;
  const std::function<void()>* body_ = nullptr;
  unsigned running_ = 0;
  bool trapped_ = false;
};

Block* running_block = nullptr;

}  // namespace

unsigned lane_of_thread() { return running_block->running() % kWarp; }
const std::uint64_t* exchange(std::uint64_t value) { return running_block->exchange(value); }

void run_kernel(dim3 blocks, dim3 threads, const std::function<void()>& thread) {
  // Fibers are kept from one kernel to the next, and left behind where one failed.
  static std::vector<std::pair<unsigned, std::unique_ptr<Block>>> kept;
  const unsigned shape = threads.x << 20 | threads.y << 10 | threads.z;
  auto at = std::find_if(kept.begin(), kept.end(), [&](const auto& block) { return block.first == shape; });
  if (at == kept.end()) at = kept.insert(kept.end(), {shape, std::make_unique<Block>(threads)});
  running_block = at->second.get();
  blockDim = threads, gridDim = blocks;
  for (blockIdx.z = 0; blockIdx.z < blocks.z; ++blockIdx.z)
    for (blockIdx.y = 0; blockIdx.y < blocks.y; ++blockIdx.y)
      for (blockIdx.x = 0; blockIdx.x < blocks.x; ++blockIdx.x) {
        try {
          running_block->run(thread);
        } catch (const std::runtime_error&) {
          (void)at->second.release();  // its threads are in the middle of a kernel
          kept.erase(at);
          throw;
        }
      }
}

}  // namespace simulated_gpu

void __syncthreads() { simulated_gpu::running_block->wait_for_block(); }
void __trap() { simulated_gpu::running_block->trap(); }
