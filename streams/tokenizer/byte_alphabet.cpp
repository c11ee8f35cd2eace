#include "streams/tokenizer/byte_alphabet.h"

#include <array>

namespace peer::streams {
namespace {

constexpr bool is_printable(unsigned byte) { return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xFF && byte != 0xAD); }

// Code point of each byte's character, and back: all are below U+0144.
struct Alphabet {
  std::array<std::uint16_t, 256> character{};
  std::array<std::int16_t, 0x144> byte{};

  constexpr Alphabet() {
    byte.fill(-1);
    std::uint16_t next = 0x100;
    for (unsigned i = 0; i < 256; ++i) {
      character[i] = is_printable(i) ? static_cast<std::uint16_t>(i) : next++;
      byte[character[i]] = static_cast<std::int16_t>(i);
    }
  }
};

constexpr Alphabet kAlphabet;

}  // namespace

std::string alphabet_character(std::uint8_t byte) {
  const unsigned character = kAlphabet.character[byte];
  if (character < 0x80) return {static_cast<char>(character)};
  return {static_cast<char>(0xC0 | character >> 6), static_cast<char>(0x80 | (character & 0x3F))};
}

std::optional<std::string> bytes_of_alphabet(std::string_view characters) {
  std::string bytes;
  for (std::size_t i = 0; i < characters.size();) {
    unsigned character = static_cast<unsigned char>(characters[i++]);
    if (character >= 0xC2 && character <= 0xC5 && i < characters.size())
      character = (character & 0x1F) << 6 | (static_cast<unsigned char>(characters[i++]) & 0x3F);
    else if (character >= 0x80)
      return std::nullopt;
    if (character >= kAlphabet.byte.size() || kAlphabet.byte[character] < 0) return std::nullopt;
    bytes += static_cast<char>(kAlphabet.byte[character]);
  }
  return bytes;
}

}  // namespace peer::streams
