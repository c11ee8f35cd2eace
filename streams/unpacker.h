// One compression format, part by part: a gzip member, a Zstandard frame, an xz stream. A file is one part or several.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace peer::streams {

class Unpacker {
 public:
  struct Step {
    std::size_t used = 0, made = 0;  // bytes of `packed` and of `to`
    bool ended = false;              // the part is over
    bool needs_too_much = false;     // memory: more than kMemoryBytes
    const char* damage = nullptr;    // what is wrong with the data
  };
  static constexpr std::size_t kMemoryBytes = 128 << 20;  // whatever a file asks for

  virtual ~Unpacker() = default;
  // Before each part.
  virtual void begin() = 0;
  // Sets up to `room` (> 0) bytes of `to`. `packed` may be empty: what there was no room for before may still come.
  virtual Step step(std::string_view packed, char* to, std::size_t room) = 0;
};

std::unique_ptr<Unpacker> unpack_gzip();
std::unique_ptr<Unpacker> unpack_zstd();
std::unique_ptr<Unpacker> unpack_xz();

}  // namespace peer::streams
