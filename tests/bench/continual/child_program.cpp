#include "tests/bench/continual/child_program.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/base/require.h"

extern char** environ;

namespace peer::continual {
namespace {

std::atomic<bool> stopping = false;
std::array<std::atomic<pid_t>, 64> children{};  // 0: free
static_assert(std::atomic<pid_t>::is_always_lock_free, "a signal handler may touch lock-free atomics alone");

void on_signal(int) {
  stopping = true;
  for (const auto& child : children)
    if (const pid_t pid = child; pid > 0) kill(pid, SIGTERM);
}

std::atomic<pid_t>& free_place() {
  for (auto& child : children) {
    pid_t expected = 0;
    if (child.compare_exchange_strong(expected, -1)) return child;
  }
  require(false, "run_child: more children at a time than there are places for");
  return children[0];
}

// In a group of its own: Ctrl-C on the terminal reaches this program alone, and a child hears of it once.
pid_t spawn(const std::vector<std::string>& words, const std::string& log) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, arguments[0], &files, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) throw IoError(fmt::format("'{}' cannot be started: {}", words[0], std::strerror(error)));
  return pid;
}

}  // namespace

const std::atomic<bool>& forward_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  return stopping;
}

int run_child(const std::vector<std::string>& words, const std::string& log) {
  std::atomic<pid_t>& place = free_place();
  pid_t pid = 0;
  try {
    pid = spawn(words, log);
  } catch (...) {
    place = 0;
    throw;
  }
  place = pid;
  if (stopping) kill(pid, SIGTERM);  // the signal may have come before the child had its place
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) require(errno == EINTR, "run_child: a child must be there to be waited for");
  place = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace peer::continual
