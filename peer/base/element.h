#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

namespace peer {

// How a number is stored. The values are written to disk: never change one, only add.
enum class Element : std::uint8_t { kFloat32 = 1, kBfloat16 = 2 };

constexpr std::int64_t bytes_of(Element element) { return element == Element::kFloat32 ? 4 : 2; }
inline std::string_view name_of(Element element) { return element == Element::kFloat32 ? "fp32" : "bf16"; }

// The bits of the nearest bf16, ties to even. Without a branch, so that a loop over it becomes vectors.
constexpr std::uint16_t bfloat16_of(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, quiet = bits >> 16 | 0x40;
  return static_cast<std::uint16_t>(value != value ? quiet : rounded);  // rounding could turn a NaN into an infinity
}

// The bits of one of the two bf16 around `value`, the nearer the likelier, so that the mean over `random`, uniform in [0, 2^16), is `value`
// itself: what is added up in small steps does not get stuck, as it would at the nearest.
constexpr std::uint16_t stochastic_bfloat16_of(float value, std::uint32_t random) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + random) >> 16, quiet = bits >> 16 | 0x40;
  return static_cast<std::uint16_t>(value != value ? quiet : rounded);
}

// A number stored as bf16, read as fp32.
struct Bfloat16 {
  std::uint16_t bits = 0;
  constexpr operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
};

}  // namespace peer
