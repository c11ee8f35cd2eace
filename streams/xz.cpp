#include <lzma.h>

#include <new>

#include "streams/unpacker.h"

namespace peer::streams {
namespace {

class XzUnpacker final : public Unpacker {
 public:
  XzUnpacker() = default;
  ~XzUnpacker() override { lzma_end(&stream_); }
  XzUnpacker(const XzUnpacker&) = delete;
  XzUnpacker& operator=(const XzUnpacker&) = delete;

  void begin() override {
    if (lzma_stream_decoder(&stream_, kMemoryBytes, 0) != LZMA_OK) throw std::bad_alloc();
  }

  Step step(std::string_view packed, char* to, std::size_t room) override {
    stream_.next_in = reinterpret_cast<const std::uint8_t*>(packed.data());
    stream_.avail_in = packed.size();
    stream_.next_out = reinterpret_cast<std::uint8_t*>(to);
    stream_.avail_out = room;
    const lzma_ret status = lzma_code(&stream_, LZMA_RUN);
    if (status == LZMA_MEM_ERROR) throw std::bad_alloc();
    return {.used = packed.size() - stream_.avail_in,
            .made = room - stream_.avail_out,
            .ended = status == LZMA_STREAM_END,
            .needs_too_much = status == LZMA_MEMLIMIT_ERROR,
            .damage = damage_of(status)};
  }

 private:
  static const char* damage_of(lzma_ret status) {
    switch (status) {
      case LZMA_OK:
      case LZMA_STREAM_END:
      case LZMA_BUF_ERROR:  // no more input
        return nullptr;
      case LZMA_FORMAT_ERROR:
        return "not xz";
      case LZMA_OPTIONS_ERROR:
        return "a filter that liblzma does not know";
      default:
        return "a checksum or a header is wrong";
    }
  }

  lzma_stream stream_ = LZMA_STREAM_INIT;
};

}  // namespace

std::unique_ptr<Unpacker> unpack_xz() { return std::make_unique<XzUnpacker>(); }

}  // namespace peer::streams
