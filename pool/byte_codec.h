// Values on disk: little-endian integers of fixed width, texts with their length in front. A reader never trusts a length: it is compared
// with the bytes that are left before anything is allocated.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "peer/base/digest.h"

namespace peer::pool {

class ByteWriter {
 public:
  ByteWriter& u8(std::uint8_t value);
  ByteWriter& u32(std::uint32_t value);
  ByteWriter& u64(std::uint64_t value);
  ByteWriter& i64(std::int64_t value) { return u64(static_cast<std::uint64_t>(value)); }
  ByteWriter& digest(const Digest& value) { return u64(value.high).u64(value.low); }
  ByteWriter& text(std::string_view value);  // u64 length, bytes
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

class ByteReader {
 public:
  // `where` names the value in errors: "catalogue: generation g3".
  ByteReader(std::string_view bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {}
  std::uint8_t u8();
  std::uint32_t u32();
  std::uint64_t u64();
  std::int64_t i64() { return static_cast<std::int64_t>(u64()); }
  Digest digest();
  std::string text();
  // A number of items that each take at least `item_bytes`: CorruptError when they cannot be there.
  std::uint64_t count(std::uint64_t item_bytes);
  void finish() const;  // CorruptError when bytes are left
  [[noreturn]] void fail(const std::string& problem) const;

 private:
  std::string_view take(std::uint64_t count);
  std::string_view bytes_;
  std::string where_;
  std::uint64_t offset_ = 0;
};

// body + XXH3-64 of key and body: a value that was damaged, or stored under another key, is found when it is read.
std::string seal(std::string_view key, std::string_view body);
std::optional<std::string_view> unseal(std::string_view key, std::string_view value);  // nullopt when damaged

}  // namespace peer::pool
