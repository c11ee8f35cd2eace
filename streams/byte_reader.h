#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>

namespace peer::streams {

// Bytes in order, once. A source that fails (disk, damaged compression) throws CorpusError with its name.
class ByteReader {
 public:
  virtual ~ByteReader() = default;
  // Sets up to `room` (> 0) bytes of `to` and returns how many; 0 only at the end.
  virtual std::size_t read(char* to, std::size_t room) = 0;
};

// A file or a pipe; "-" is stdin. `stop` (may be null) ends a reading with ReadingStopped, also one that waits for a pipe's other end.
std::unique_ptr<ByteReader> open_file(const std::string& path, const std::atomic<bool>* stop = nullptr);

}  // namespace peer::streams
