// A commit that is written while training goes on: what the next step may change is copied first, then a thread encodes, writes, syncs and
// publishes. One at a time. While it runs nobody else may use the pool, readers of the same object included: wait() comes first.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <thread>

#include "peer/base/progress.h"
#include "trainer/state/model_image.h"

namespace peer::trainer {

// What the system could still give to this process, in bytes.
std::int64_t free_memory_bytes();

class BackgroundCommit {
 public:
  explicit BackgroundCommit(Progress& progress, std::function<std::int64_t()> free_bytes = free_memory_bytes)
      : progress_(progress), free_bytes_(std::move(free_bytes)) {}
  BackgroundCommit(const BackgroundCommit&) = delete;
  BackgroundCommit& operator=(const BackgroundCommit&) = delete;
  // Waits; an error that nobody waited for becomes a note.
  ~BackgroundCommit();

  // Copies the image and returns; the rest of the commit goes on behind the caller's back. The memory of the copy, as large as what the
  // image covers, is kept for the next time. Where less is free, the commit is done on return, and the first time a note says so.
  // Requires: wait() since the last start.
  void start(ModelImage image, HostStaging& staging, pool::Transaction transaction, std::string ref, std::string message);
  // Returns when nothing runs any more; throws what the commit threw, once.
  void wait();
  // The same once the commit is over, else nothing: an error is to be heard of soon.
  void wait_if_over();
  // To disk by the commits that are over.
  std::int64_t bytes_written() const { return bytes_written_; }

 private:
  bool has_room(std::int64_t bytes);
  void join();

  Progress& progress_;
  std::function<std::int64_t()> free_bytes_;
  Buffer<std::byte> memory_;
  bool told_ = false;
  std::thread thread_;
  std::atomic<bool> over_{false};
  std::atomic<std::int64_t> bytes_written_{0};
  std::exception_ptr error_;
};

}  // namespace peer::trainer
