#pragma once

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

// A file or a pipe; "-" is stdin.
std::unique_ptr<ByteReader> open_file(const std::string& path);

}  // namespace peer::streams
