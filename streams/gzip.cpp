#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>

#include "streams/unpacker.h"

namespace peer::streams {
namespace {

uInt counted_in_uint(std::size_t bytes) { return static_cast<uInt>(std::min<std::size_t>(bytes, std::numeric_limits<uInt>::max())); }

class GzipUnpacker final : public Unpacker {
 public:
  GzipUnpacker() {
    constexpr int kGzipOnly = 16;
    if (inflateInit2(&stream_, MAX_WBITS + kGzipOnly) != Z_OK) throw std::bad_alloc();
  }
  ~GzipUnpacker() override { inflateEnd(&stream_); }
  GzipUnpacker(const GzipUnpacker&) = delete;
  GzipUnpacker& operator=(const GzipUnpacker&) = delete;

  void begin() override { inflateReset(&stream_); }

  Step step(std::string_view packed, char* to, std::size_t room) override {
    const uInt in = counted_in_uint(packed.size()), out = counted_in_uint(room);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream_.avail_in = in;
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = out;
    const int status = ::inflate(&stream_, Z_NO_FLUSH);
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    const bool good = status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR;
    return {.used = in - stream_.avail_in,
            .made = out - stream_.avail_out,
            .ended = status == Z_STREAM_END,
            .damage = good                     ? nullptr
                      : stream_.msg != nullptr ? stream_.msg
                                               : "not gzip"};
  }

 private:
  z_stream stream_{};
};

}  // namespace

std::unique_ptr<Unpacker> unpack_gzip() { return std::make_unique<GzipUnpacker>(); }

}  // namespace peer::streams
