#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace peer::cli {

// "" when `text` holds every part; else the first part that it lacks, and the text: CHECK(lacks(text, {"a", "b"}) == "").
inline std::string lacks(std::string_view text, std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts)
    if (text.find(part) == std::string_view::npos) return "no '" + std::string(part) + "' in: " + std::string(text);
  return "";
}

}  // namespace peer::cli
