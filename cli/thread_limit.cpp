#include "cli/thread_limit.h"

#include <atomic>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "peer/base/error.h"

namespace peer::cli {
namespace {

constexpr const char* kLimits = "raise the limits of processes (ulimit -u) and of address space (ulimit -v)";

}  // namespace

std::string thread_refused(const std::system_error& error) {
  return fmt::format("the system refuses a thread: {}; {}", error.code().message(), kLimits);
}

void require_threads(int threads, int beside) {
  const auto needed = static_cast<std::size_t>(threads - 1 + beside);
  std::atomic<bool> over = false;
  std::vector<std::jthread> others;  // joined however this ends
  others.reserve(needed);
  std::string refused;
  try {
    while (others.size() < needed) others.emplace_back([&] { over.wait(false); });
  } catch (const std::exception& error) {
    refused = fmt::format("{} threads to compute with and {} beside them: the system gives {} ({}); ask for fewer (--threads), or {}",
                          threads, beside, others.size() + 1, error.what(), kLimits);
  }
  over = true;
  over.notify_all();
  if (!refused.empty()) throw DeviceError(refused);
}

}  // namespace peer::cli
