#include "streams/tokenizer/utf8.h"

#include <simdjson.h>

#include <algorithm>

namespace peer::streams {
namespace {

// Not among them: backspace, tab, line feed, vertical tab, form feed, carriage return and escape, which texts contain.
bool is_control(unsigned char byte) { return (byte < 0x20 && !(byte >= '\b' && byte <= '\r') && byte != 0x1B) || byte == 0x7F; }

bool is_continuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

std::optional<std::size_t> find_binary(std::string_view text) {
  if (const auto nul = text.find('\0'); nul != text.npos) return nul;
  const auto controls = static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_control));
  if (controls * 20 <= text.size()) return std::nullopt;
  return static_cast<std::size_t>(std::find_if(text.begin(), text.end(), is_control) - text.begin());
}

// Bytes of the well-formed character that `text` starts with; 0 when there is none.
std::size_t character_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t size = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  if (size == 0 || size > text.size()) return 0;
  // The second byte of these four leads is narrower: no overlong forms, no surrogates, nothing above U+10FFFF.
  const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < size; ++i)
    if (!is_continuation(byte(i))) return 0;
  return size;
}

}  // namespace

std::size_t well_formed_prefix(std::string_view text) {
  std::size_t offset = 0;
  while (offset < text.size()) {
    const std::size_t size = character_size(text.substr(offset));
    if (size == 0) break;
    offset += size;
  }
  return offset;
}

std::optional<TextFault> find_fault(std::string_view text) {
  const auto fault = [&](TextFault::Kind kind, std::size_t offset) {
    return TextFault{kind, offset, static_cast<std::uint8_t>(text[offset])};
  };
  if (const auto offset = find_binary(text)) return fault(TextFault::Kind::kBinary, *offset);
  if (simdjson::validate_utf8(text.data(), text.size())) return std::nullopt;
  return fault(TextFault::Kind::kEncoding, std::min(well_formed_prefix(text), text.size() - 1));
}

std::size_t whole_characters(std::string_view text, std::size_t limit) {
  if (limit >= text.size()) return text.size();
  std::size_t size = limit;
  // A character has at most three continuation bytes: more of them are an encoding fault, not a character.
  for (int back = 0; back < 3 && size > 0 && is_continuation(static_cast<unsigned char>(text[size])); ++back) --size;
  return is_continuation(static_cast<unsigned char>(text[size])) ? limit : size;
}

}  // namespace peer::streams
