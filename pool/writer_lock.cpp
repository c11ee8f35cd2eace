#include "pool/writer_lock.h"

#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "peer/base/error.h"

namespace peer::pool {
namespace {

constexpr std::size_t kShownBytes = 200;

// "1234 (peer-cli stream POOL ...)", with unprintable bytes as spaces.
std::string this_process() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string command{std::istreambuf_iterator<char>(file), {}};
  command = command.substr(0, kShownBytes);
  while (!command.empty() && command.back() == '\0') command.pop_back();
  for (char& c : command)
    if (c < ' ' || c > '~') c = ' ';
  return fmt::format("{} ({})", ::getpid(), command);
}

}  // namespace

WriterLock::WriterLock(const std::string& path) : file_(create_or_open(path)) {
  while (::flock(file_.descriptor(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) throw IoError(fmt::format("{}: this file system cannot lock files; move the pool to a local disk", path));
    std::string holder = read_at(file_, 0, 2 * kShownBytes);
    holder = holder.substr(0, holder.find('\n'));
    if (holder.empty()) holder = "that has only just started";
    throw LockedError(fmt::format("{}: the pool is being written by process {}; wait for it, or stop it", path, holder));
  }
  const std::string text = this_process() + '\n';
  truncate(file_, 0);
  write_at(file_, 0, std::as_bytes(std::span(text)));
}

}  // namespace peer::pool
