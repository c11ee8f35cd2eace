// A flock on a directory itself: held shared by readers that are opening what is in it, exclusively by a writer that removes files.
#pragma once

#include <optional>
#include <string>

#include "pool/file_ops.h"

namespace peer::pool {

// Held until the end of its scope. Move-only. IoError when the file system cannot lock.
class DirectoryLock {
 public:
  static DirectoryLock shared(const std::string& path);                        // waits
  static DirectoryLock exclusive(const std::string& path);                     // waits
  static std::optional<DirectoryLock> try_exclusive(const std::string& path);  // nullopt when somebody holds it

 private:
  explicit DirectoryLock(File file) : file_(std::move(file)) {}
  File file_;
};

}  // namespace peer::pool
