#include "pool/directory_lock.h"

#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>

#include "peer/base/error.h"

namespace peer::pool {
namespace {

// False when the lock is held elsewhere and `operation` does not wait.
bool lock(const File& file, int operation) {
  while (::flock(file.descriptor(), operation) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return false;
    throw IoError(fmt::format("{}: this file system cannot lock directories; move the pool to a local disk", file.path()));
  }
  return true;
}

}  // namespace

DirectoryLock DirectoryLock::shared(const std::string& path) {
  File directory = open_for_reading(path);
  lock(directory, LOCK_SH);
  return DirectoryLock(std::move(directory));
}

DirectoryLock DirectoryLock::exclusive(const std::string& path) {
  File directory = open_for_reading(path);
  lock(directory, LOCK_EX);
  return DirectoryLock(std::move(directory));
}

std::optional<DirectoryLock> DirectoryLock::try_exclusive(const std::string& path) {
  File directory = open_for_reading(path);
  if (!lock(directory, LOCK_EX | LOCK_NB)) return std::nullopt;
  return DirectoryLock(std::move(directory));
}

}  // namespace peer::pool
