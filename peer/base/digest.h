// XXH3-128 content digests: the names of sealed files, and what `verify` compares.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace peer {

struct Digest {
  std::uint64_t high = 0, low = 0;
  friend auto operator<=>(const Digest&, const Digest&) = default;
  bool empty() const { return high == 0 && low == 0; }
};

Digest digest_of(const void* bytes, std::size_t count);
inline Digest digest_of(std::string_view text) { return digest_of(text.data(), text.size()); }
std::uint64_t hash64_of(const void* bytes, std::size_t count);  // XXH3-64

// 32 lower-case hexadecimal digits, and back. parse_digest throws CorruptError(where...) on anything else.
std::string to_hex(const Digest& digest);
Digest parse_digest(std::string_view hex, std::string_view where);

// The digest of bytes that arrive in parts.
class DigestStream {
 public:
  DigestStream();
  ~DigestStream();
  DigestStream(DigestStream&&) noexcept;
  DigestStream& operator=(DigestStream&&) noexcept;
  void update(const void* bytes, std::size_t count);
  Digest finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace peer
