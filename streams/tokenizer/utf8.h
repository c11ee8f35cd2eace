#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace peer::streams {

// Why bytes are not a text, and the first byte that shows it.
struct TextFault {
  enum class Kind { kBinary, kEncoding } kind;
  std::size_t offset;
  std::uint8_t byte;
};

// Binary: a NUL, or more than one control character in twenty. Encoding: ill-formed UTF-8 (Unicode 15, table 3-7).
std::optional<TextFault> find_fault(std::string_view text);

// Bytes up to the first that is ill-formed.
std::size_t well_formed_prefix(std::string_view text);

// The largest size <= `limit` that does not cut a character of `text` in two.
std::size_t whole_characters(std::string_view text, std::size_t limit);

}  // namespace peer::streams
