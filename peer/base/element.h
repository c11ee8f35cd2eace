#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

namespace peer {

// How a number is stored. The values are written to disk: never change one, only add.
enum class Element : std::uint8_t { kFloat32 = 1, kBfloat16 = 2 };

inline std::int64_t bytes_of(Element element) { return element == Element::kFloat32 ? 4 : 2; }
inline std::string_view name_of(Element element) { return element == Element::kFloat32 ? "fp32" : "bf16"; }

// The bits of the nearest bf16, ties to even. Without a branch, so that a loop over it becomes vectors.
constexpr std::uint16_t bfloat16_of(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, quiet = bits >> 16 | 0x40;
  return static_cast<std::uint16_t>(value != value ? quiet : rounded);  // rounding could turn a NaN into an infinity
}

}  // namespace peer
