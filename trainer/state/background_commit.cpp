#include "trainer/state/background_commit.h"

#include <unistd.h>

#include <fstream>
#include <utility>

#include <fmt/format.h>

#include "peer/base/require.h"

namespace peer::trainer {

std::int64_t free_memory_bytes() {
  std::ifstream info("/proc/meminfo");
  std::string name, unit;
  for (std::int64_t kib = 0; info >> name >> kib; std::getline(info, unit))
    if (name == "MemAvailable:") return kib << 10;  // with what the system keeps in its caches and would give back
  return static_cast<std::int64_t>(sysconf(_SC_AVPHYS_PAGES)) * sysconf(_SC_PAGESIZE);
}

BackgroundCommit::~BackgroundCommit() {
  join();
  if (!error_) return;
  try {
    std::rethrow_exception(error_);
  } catch (const std::exception& error) {
    progress_.note(fmt::format("the commit that was being written failed too: {}", error.what()));
  }
}

void BackgroundCommit::start(ModelImage image, HostStaging& staging, pool::Transaction transaction, std::string ref, std::string message) {
  require(!thread_.joinable(), "background_commit: one commit at a time; wait() first");
  if (!has_room(image.bytes_to_capture())) {
    image.put(staging, transaction);
    bytes_written_ += transaction.commit(ref, message).bytes_written;
    return;
  }
  image.capture(staging, memory_);
  over_ = false;
  thread_ = std::thread(
      [this, image = std::move(image), transaction = std::move(transaction), ref = std::move(ref), message = std::move(message)]() mutable {
        try {
          HostStaging on_host;
          image.put(on_host, transaction);
          bytes_written_ += transaction.commit(ref, message).bytes_written;
        } catch (...) {
          error_ = std::current_exception();
        }
        over_ = true;
      });
}

bool BackgroundCommit::has_room(std::int64_t bytes) {
  if (bytes <= memory_.size()) return true;
  memory_ = {};  // makes room for the larger one
  const std::int64_t free = free_bytes_();
  if (bytes <= free) return true;
  if (!std::exchange(told_, true))
    progress_.note(
        fmt::format("training waits for its commits: to write one beside the next steps takes a copy of {:.1f} MB, {:.1f} MB are free",
                    static_cast<double>(bytes) / 1e6, static_cast<double>(free) / 1e6));
  return false;
}

void BackgroundCommit::join() {
  if (thread_.joinable()) thread_.join();
}

void BackgroundCommit::wait() {
  join();
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void BackgroundCommit::wait_if_over() {
  if (thread_.joinable() && over_) wait();
}

}  // namespace peer::trainer
