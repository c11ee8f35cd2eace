#include "pool/byte_codec.h"

#include <fmt/format.h>

#include "peer/base/error.h"

namespace peer::pool {
namespace {

constexpr std::size_t kSealBytes = 8;

template <class Integer>
void append_little_endian(std::string& bytes, Integer value) {
  for (std::size_t i = 0; i < sizeof(Integer); ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
}

template <class Integer>
Integer little_endian(std::string_view bytes) {
  Integer value = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i) value |= static_cast<Integer>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  return value;
}

std::string seal_of(std::string_view key, std::string_view body) {
  const std::uint64_t hashes[2] = {hash64_of(key.data(), key.size()), hash64_of(body.data(), body.size())};
  std::string bytes, out;
  for (const std::uint64_t hash : hashes) append_little_endian(bytes, hash);
  append_little_endian(out, hash64_of(bytes.data(), bytes.size()));
  return out;
}

}  // namespace

ByteWriter& ByteWriter::u8(std::uint8_t value) {
  bytes_.push_back(static_cast<char>(value));
  return *this;
}

ByteWriter& ByteWriter::u32(std::uint32_t value) {
  append_little_endian(bytes_, value);
  return *this;
}

ByteWriter& ByteWriter::u64(std::uint64_t value) {
  append_little_endian(bytes_, value);
  return *this;
}

ByteWriter& ByteWriter::text(std::string_view value) {
  u64(value.size());
  bytes_.append(value);
  return *this;
}

std::string_view ByteReader::take(std::uint64_t count) {
  const std::uint64_t left = bytes_.size() - offset_;
  if (count > left) fail(fmt::format("expected {} more bytes at byte {}, found {}", count, offset_, left));
  const std::string_view part = bytes_.substr(offset_, count);
  offset_ += count;
  return part;
}

std::uint8_t ByteReader::u8() { return static_cast<std::uint8_t>(take(1)[0]); }
std::uint32_t ByteReader::u32() { return little_endian<std::uint32_t>(take(4)); }
std::uint64_t ByteReader::u64() { return little_endian<std::uint64_t>(take(8)); }

Digest ByteReader::digest() {
  const std::uint64_t high = u64();
  return {high, u64()};
}

std::string ByteReader::text() {
  const std::uint64_t size = u64();
  return std::string(take(size));
}

std::uint64_t ByteReader::count(std::uint64_t item_bytes) {
  const std::uint64_t items = u64(), left = bytes_.size() - offset_;
  if (items > left / item_bytes) fail(fmt::format("expected {} items at byte {}, found {} bytes", items, offset_, left));
  return items;
}

void ByteReader::finish() const {
  if (offset_ != bytes_.size()) fail(fmt::format("expected {} bytes, found {}", offset_, bytes_.size()));
}

void ByteReader::fail(const std::string& problem) const { throw CorruptError(fmt::format("{}: {}", where_, problem)); }

std::string seal(std::string_view key, std::string_view body) { return std::string(body) + seal_of(key, body); }

std::optional<std::string_view> unseal(std::string_view key, std::string_view value) {
  if (value.size() < kSealBytes) return std::nullopt;
  const std::string_view body = value.substr(0, value.size() - kSealBytes);
  if (seal_of(key, body) != value.substr(body.size())) return std::nullopt;
  return body;
}

}  // namespace peer::pool
