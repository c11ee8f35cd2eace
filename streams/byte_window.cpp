#include "streams/byte_window.h"

#include <utility>

namespace peer::streams {

ByteWindow::ByteWindow(std::unique_ptr<ByteReader> bytes) : bytes_(std::move(bytes)) {}

void ByteWindow::drop_byte_order_mark() {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (fill(kByteOrderMark.size()).starts_with(kByteOrderMark)) drop(kByteOrderMark.size());
}

std::string_view ByteWindow::fill(std::size_t wanted) {
  constexpr std::size_t kBlockBytes = 64 << 10;
  while (!ended_ && buffer_.size() - used_ < wanted) {
    buffer_.erase(0, std::exchange(used_, 0));
    const std::size_t held = buffer_.size();
    buffer_.resize(held + kBlockBytes);
    const std::size_t got = bytes_->read(buffer_.data() + held, kBlockBytes);
    buffer_.resize(held + got);
    ended_ = got == 0;
  }
  return std::string_view(buffer_).substr(used_);
}

void ByteWindow::drop(std::size_t count) {
  used_ += count;
  offset_ += static_cast<std::int64_t>(count);
}

}  // namespace peer::streams
