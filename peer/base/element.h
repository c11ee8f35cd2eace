#pragma once

#include <cstdint>
#include <string_view>

namespace peer {

// How a number is stored. The values are written to disk: never change one, only add.
enum class Element : std::uint8_t { kFloat32 = 1, kBfloat16 = 2 };

inline std::int64_t bytes_of(Element element) { return element == Element::kFloat32 ? 4 : 2; }
inline std::string_view name_of(Element element) { return element == Element::kFloat32 ? "fp32" : "bf16"; }

}  // namespace peer
