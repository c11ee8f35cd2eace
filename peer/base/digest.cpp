#include "peer/base/digest.h"

#include <fmt/format.h>
#include <xxhash.h>

#include "peer/base/error.h"

namespace peer {

Digest digest_of(const void* bytes, std::size_t count) {
  const XXH128_hash_t hash = XXH3_128bits(bytes, count);
  return {hash.high64, hash.low64};
}

std::uint64_t hash64_of(const void* bytes, std::size_t count) { return XXH3_64bits(bytes, count); }

std::string to_hex(const Digest& digest) { return fmt::format("{:016x}{:016x}", digest.high, digest.low); }

Digest parse_digest(std::string_view hex, std::string_view where) {
  std::uint64_t half[2] = {0, 0};
  bool valid = hex.size() == 32;
  for (std::size_t i = 0; valid && i < 32; ++i) {
    const char c = hex[i];
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    valid = digit >= 0;
    half[i / 16] = half[i / 16] << 4 | static_cast<std::uint64_t>(digit);
  }
  if (!valid) throw CorruptError(fmt::format("{}: expected a digest of 32 hexadecimal digits, found '{}'", where, hex));
  return {half[0], half[1]};
}

struct DigestStream::State {
  XXH3_state_t* xxh = XXH3_createState();
  ~State() { XXH3_freeState(xxh); }
};

DigestStream::DigestStream() : state_(std::make_unique<State>()) { XXH3_128bits_reset(state_->xxh); }
DigestStream::~DigestStream() = default;
DigestStream::DigestStream(DigestStream&&) noexcept = default;
DigestStream& DigestStream::operator=(DigestStream&&) noexcept = default;

void DigestStream::update(const void* bytes, std::size_t count) { XXH3_128bits_update(state_->xxh, bytes, count); }

Digest DigestStream::finish() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(state_->xxh);
  return {hash.high64, hash.low64};
}

}  // namespace peer
