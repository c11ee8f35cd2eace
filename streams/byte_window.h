#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "streams/byte_reader.h"

namespace peer::streams {

// The bytes of a reader that were read and not used yet.
class ByteWindow {
 public:
  explicit ByteWindow(std::unique_ptr<ByteReader> bytes);

  // To begin with: it is no part of a text.
  void drop_byte_order_mark();
  // What lies ahead: at least `wanted` bytes unless the input ends before. Valid until the next fill.
  std::string_view fill(std::size_t wanted);
  // Uses up the first `count` bytes of what lies ahead.
  void drop(std::size_t count);
  // Where the first byte ahead lies in the input.
  std::int64_t offset() const { return offset_; }

 private:
  std::unique_ptr<ByteReader> bytes_;
  std::string buffer_;
  std::size_t used_ = 0;  // of buffer_
  std::int64_t offset_ = 0;
  bool ended_ = false;
};

}  // namespace peer::streams
