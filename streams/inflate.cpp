#include "streams/inflate.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "peer/base/error.h"
#include "streams/byte_window.h"
#include "streams/unpacker.h"

namespace peer::streams {
namespace {

constexpr std::size_t kLongestMagic = 6;

struct Packing {
  std::string_view name, suffix;
  std::string_view command;  // that unpacks a file which asks for much memory
  bool padded;               // zeros may follow a part
  std::size_t magic_bytes;
  bool (*fits)(std::string_view ahead);  // whether a part may begin so; fewer bytes than magic_bytes are all that there are
  std::unique_ptr<Unpacker> (*unpacker)();
};

bool fits_magic(std::string_view ahead, std::string_view magic) { return ahead.substr(0, magic.size()) == magic.substr(0, ahead.size()); }

bool fits_gzip(std::string_view ahead) { return fits_magic(ahead, "\x1f\x8b\x08"); }

// A frame, or one of the sixteen kinds of skippable ones.
bool fits_zstd(std::string_view ahead) {
  const bool skippable = !ahead.empty() && (ahead[0] & 0xF0) == 0x50 && fits_magic(ahead.substr(1), "\x2a\x4d\x18");
  return skippable || fits_magic(ahead, "\x28\xb5\x2f\xfd");
}

bool fits_xz(std::string_view ahead) { return fits_magic(ahead, {"\xfd\x37zXZ\0", 6}); }

constexpr Packing kPackings[] = {
    {.name = "gzip", .suffix = ".gz", .command = "gzip -dc", .padded = true, .magic_bytes = 3, .fits = fits_gzip, .unpacker = unpack_gzip},
    {.name = "zstd",
     .suffix = ".zst",
     .command = "zstd -dc --long=31",
     .padded = false,
     .magic_bytes = 4,
     .fits = fits_zstd,
     .unpacker = unpack_zstd},
    {.name = "xz", .suffix = ".xz", .command = "xz -dc", .padded = true, .magic_bytes = 6, .fits = fits_xz, .unpacker = unpack_xz},
};

class PartsReader final : public ByteReader {
 public:
  PartsReader(std::unique_ptr<ByteReader> packed, std::string name, const Packing& packing)
      : window_(std::move(packed)), name_(std::move(name)), packing_(packing), unpacker_(packing.unpacker()) {
    unpacker_->begin();
  }

  std::size_t read(char* to, std::size_t room) override {
    for (;;) {
      if (between_parts_ && !begin_next_part()) return 0;
      const std::string_view packed = window_.fill(1);
      const Unpacker::Step step = unpacker_->step(packed, to, room);
      if (step.needs_too_much) fail_memory();
      if (step.damage != nullptr) fail_damaged(step.damage);
      window_.drop(step.used);
      between_parts_ = step.ended;
      if (step.made > 0) return step.made;
      if (step.ended || step.used > 0) continue;
      if (packed.empty()) fail("ends in the middle of its {0} data; fetch it again", packing_.name);
      fail_damaged("it leads nowhere");
    }
  }

 private:
  // False at the end of the input.
  bool begin_next_part() {
    if (packing_.padded) drop_zeros();
    const std::string_view ahead = window_.fill(packing_.magic_bytes).substr(0, packing_.magic_bytes);
    if (ahead.empty()) return false;
    if (!packing_.fits(ahead))
      fail("something else follows the {0} data at byte {1}; head -c {1} keeps what is before it", packing_.name, window_.offset());
    unpacker_->begin();
    between_parts_ = false;
    return true;
  }

  void drop_zeros() {
    for (std::string_view ahead = window_.fill(1); ahead.starts_with('\0'); ahead = window_.fill(1))
      window_.drop(std::min(ahead.find_first_not_of('\0'), ahead.size()));
  }

  template <class... Found>
  [[noreturn]] void fail(fmt::format_string<const Found&...> why, const Found&... found) const {
    throw CorpusError(fmt::format("{}: {}", name_, fmt::format(why, found...)));
  }
  [[noreturn]] void fail_damaged(std::string_view why) const {
    fail("damaged {0} data: {1}; test it with {0} -t, or fetch it again", packing_.name, why);
  }
  [[noreturn]] void fail_memory() const {
    fail("its {} data ask for more than {} MiB of memory; pipe it: {} FILE | peer-cli ... --from -", packing_.name,
         Unpacker::kMemoryBytes >> 20, packing_.command);
  }

  ByteWindow window_;
  std::string name_;
  const Packing& packing_;
  std::unique_ptr<Unpacker> unpacker_;
  bool between_parts_ = false;
};

// A reader whose first bytes were looked at.
class PeekedReader final : public ByteReader {
 public:
  explicit PeekedReader(std::unique_ptr<ByteReader> bytes) : bytes_(std::move(bytes)) {
    for (char block[kLongestMagic]; ahead_.size() < kLongestMagic;) {
      const std::size_t got = bytes_->read(block, kLongestMagic - ahead_.size());
      if (got == 0) break;
      ahead_.append(block, got);
    }
  }
  bool begins_as(const Packing& packing) const { return ahead_.size() >= packing.magic_bytes && packing.fits(ahead_); }

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
  const auto is_packing = [&](auto&& sign) { return std::find_if(std::begin(kPackings), std::end(kPackings), sign); };
  auto packing = is_packing([&](const Packing& p) { return peeked->begins_as(p); });
  if (packing == std::end(kPackings)) packing = is_packing([&](const Packing& p) { return name.ends_with(p.suffix); });
  if (packing == std::end(kPackings)) return peeked;
  return std::make_unique<PartsReader>(std::move(peeked), name, *packing);
}

}  // namespace peer::streams
