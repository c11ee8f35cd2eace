#include "cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <string_view>

namespace peer::cli {
namespace {

std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may touch lock-free atomics alone");

// Only async-signal-safe calls: signal and write.
void on_signal(int) {
  interrupted = true;
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  constexpr std::string_view kMessage = "\npeer-cli: finishing the step and committing; a second signal stops at once\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kMessage.data(), kMessage.size());
}

}  // namespace

const std::atomic<bool>& catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;  // a read of a corpus in progress is not an error
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  return interrupted;
}

}  // namespace peer::cli
