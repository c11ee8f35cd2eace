// One writer: an exclusive flock on LOCK, which the kernel drops when the process ends, however it ends. The file says who holds it.
#pragma once

#include <string>

#include "pool/file_ops.h"

namespace peer::pool {

class WriterLock {
 public:
  // LockedError with the holder's pid and command when another process, or another Pool of this one, writes.
  explicit WriterLock(const std::string& path);

 private:
  File file_;
};

}  // namespace peer::pool
