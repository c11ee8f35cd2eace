#include "streams/inflate.h"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <new>
#include <string_view>
#include <utility>

#include "peer/base/error.h"

namespace peer::streams {
namespace {

constexpr std::size_t kBlockBytes = 64 << 10;

[[noreturn]] void fail_damaged(const std::string& name, const char* format, const char* why) {
  throw CorpusError(fmt::format("{}: damaged {} data: {}; test it with {} -t, or fetch it again", name, format, why, format));
}

[[noreturn]] void fail_truncated(const std::string& name, const char* format) {
  throw CorpusError(fmt::format("{}: ends in the middle of its {} data; fetch it again", name, format));
}

class GzipReader final : public ByteReader {
 public:
  GzipReader(std::unique_ptr<ByteReader> packed, std::string name) : packed_(std::move(packed)), name_(std::move(name)) {
    constexpr int kGzipOnly = 16;
    if (inflateInit2(&stream_, MAX_WBITS + kGzipOnly) != Z_OK) throw std::bad_alloc();
  }
  ~GzipReader() override { inflateEnd(&stream_); }
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  std::size_t read(char* to, std::size_t room) override {
    const auto space = static_cast<uInt>(std::min(room, kBlockBytes));
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = space;
    while (stream_.avail_out == space) {
      refill();
      if (between_members_) {
        if (stream_.avail_in == 0) return 0;
        inflateReset(&stream_);
        between_members_ = false;
      }
      // Also called without input: zlib may hold output that did not fit the last time.
      const int status = ::inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_STREAM_END)
        between_members_ = true;
      else if (status == Z_BUF_ERROR && input_ended_)
        fail_truncated(name_, "gzip");
      else if (status != Z_OK && status != Z_BUF_ERROR)
        fail_damaged(name_, "gzip", stream_.msg != nullptr ? stream_.msg : "not gzip");
    }
    return space - stream_.avail_out;
  }

 private:
  void refill() {
    if (stream_.avail_in > 0 || input_ended_) return;
    stream_.next_in = block_.data();
    stream_.avail_in = static_cast<uInt>(packed_->read(reinterpret_cast<char*>(block_.data()), block_.size()));
    input_ended_ = stream_.avail_in == 0;
  }

  std::unique_ptr<ByteReader> packed_;
  std::string name_;
  z_stream stream_{};
  bool input_ended_ = false;
  bool between_members_ = false;
  std::array<Bytef, kBlockBytes> block_;
};

class ZstdReader final : public ByteReader {
 public:
  ZstdReader(std::unique_ptr<ByteReader> packed, std::string name)
      : packed_(std::move(packed)), name_(std::move(name)), context_(ZSTD_createDCtx(), ZSTD_freeDCtx) {
    if (!context_) throw std::bad_alloc();
  }

  std::size_t read(char* to, std::size_t room) override {
    ZSTD_outBuffer out{to, room, 0};
    while (out.pos == 0) {
      refill();
      const bool exhausted = in_.pos == in_.size;
      if (exhausted && between_frames_) return 0;
      // Also called without input: zstd may hold output that did not fit the last time.
      const std::size_t status = ZSTD_decompressStream(context_.get(), &out, &in_);
      if (ZSTD_isError(status)) fail_damaged(name_, "zstd", ZSTD_getErrorName(status));
      between_frames_ = status == 0;
      if (exhausted && out.pos == 0 && !between_frames_) fail_truncated(name_, "zstd");
    }
    return out.pos;
  }

 private:
  void refill() {
    if (in_.pos < in_.size || input_ended_) return;
    in_ = {block_.data(), packed_->read(block_.data(), block_.size()), 0};
    input_ended_ = in_.size == 0;
  }

  std::unique_ptr<ByteReader> packed_;
  std::string name_;
  std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context_;  // refuses windows above 128 MiB: the bound on its memory
  ZSTD_inBuffer in_{nullptr, 0, 0};
  bool input_ended_ = false;
  bool between_frames_ = false;
  std::array<char, kBlockBytes> block_;
};

// A reader whose first bytes were looked at.
class PeekedReader final : public ByteReader {
 public:
  explicit PeekedReader(std::unique_ptr<ByteReader> bytes) : bytes_(std::move(bytes)) {
    constexpr std::size_t kLongestMagic = 4;
    for (char block[kLongestMagic]; ahead_.size() < kLongestMagic;) {
      const std::size_t got = bytes_->read(block, kLongestMagic - ahead_.size());
      if (got == 0) break;
      ahead_.append(block, got);
    }
  }
  bool begins_with(std::string_view magic) const { return ahead_.starts_with(magic); }

  std::size_t read(char* to, std::size_t room) override {
    if (ahead_.empty()) return bytes_->read(to, room);
    const std::size_t count = ahead_.copy(to, room);
    ahead_.erase(0, count);
    return count;
  }

 private:
  std::unique_ptr<ByteReader> bytes_;
  std::string ahead_;
};

}  // namespace

std::unique_ptr<ByteReader> inflate(std::unique_ptr<ByteReader> packed, const std::string& name) {
  auto peeked = std::make_unique<PeekedReader>(std::move(packed));
  const bool gzip = peeked->begins_with("\x1f\x8b\x08"), zstd = peeked->begins_with("\x28\xb5\x2f\xfd");
  if (gzip || (!zstd && name.ends_with(".gz"))) return std::make_unique<GzipReader>(std::move(peeked), name);
  if (zstd || name.ends_with(".zst")) return std::make_unique<ZstdReader>(std::move(peeked), name);
  return peeked;
}

}  // namespace peer::streams
