#include <zstd.h>
#include <zstd_errors.h>

#include <new>

#include "streams/unpacker.h"

namespace peer::streams {
namespace {

class ZstdUnpacker final : public Unpacker {
 public:
  ZstdUnpacker() : context_(ZSTD_createDCtx(), ZSTD_freeDCtx) {
    constexpr int kWindowLog = 27;
    static_assert(std::size_t{1} << kWindowLog == kMemoryBytes);
    if (!context_) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kWindowLog);
  }

  void begin() override { ZSTD_DCtx_reset(context_.get(), ZSTD_reset_session_only); }

  Step step(std::string_view packed, char* to, std::size_t room) override {
    ZSTD_inBuffer in{packed.data(), packed.size(), 0};
    ZSTD_outBuffer out{to, room, 0};
    const std::size_t status = ZSTD_decompressStream(context_.get(), &out, &in);
    Step step{.used = in.pos, .made = out.pos, .ended = status == 0};
    step.needs_too_much = ZSTD_getErrorCode(status) == ZSTD_error_frameParameter_windowTooLarge;
    if (ZSTD_isError(status)) step.damage = ZSTD_getErrorName(status);
    return step;
  }

 private:
  std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context_;
};

}  // namespace

std::unique_ptr<Unpacker> unpack_zstd() { return std::make_unique<ZstdUnpacker>(); }

}  // namespace peer::streams
