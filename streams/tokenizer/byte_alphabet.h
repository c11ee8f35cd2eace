#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace peer::streams {

// GPT-2's names for bytes (Radford et al. 2019): a printable character for each, so that any bytes are a string in a vocabulary. A byte
// that is printable in Latin-1 is itself; the others are U+0100 and on, in their order: the space is U+0120.

std::string alphabet_character(std::uint8_t byte);

// The bytes that `characters` name; nothing when one of them is no byte's name.
std::optional<std::string> bytes_of_alphabet(std::string_view characters);

}  // namespace peer::streams
