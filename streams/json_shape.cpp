#include "streams/json_shape.h"

#include <algorithm>

namespace peer::streams {
namespace {

constexpr std::string_view kWhiteSpace = " \t\r\n";

std::string_view without_margin(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kWhiteSpace), text.size()));
  return text.substr(0, text.find_last_not_of(kWhiteSpace) + 1);
}

// A line that only an object of several lines has: `{`, `{"a": {` or `{"a": 1,`.
bool is_left_open(std::string_view line) { return line.ends_with('{') || line.ends_with('[') || line.ends_with(','); }

}  // namespace

std::optional<JsonShape> json_shape(std::string_view text) {
  text = without_margin(text);
  if (text.starts_with('[')) {
    const std::string_view item = without_margin(text.substr(1));
    return item.starts_with('{') && (item.size() == 1 || without_margin(item.substr(1)).starts_with('"')) ? std::optional(JsonShape::kArray)
                                                                                                          : std::nullopt;
  }
  if (!text.starts_with('{')) return std::nullopt;
  const std::string_view line = without_margin(text.substr(0, text.find('\n'))), key = without_margin(text.substr(1));
  if (!key.empty() && !key.starts_with('"')) return std::nullopt;
  return is_left_open(line) ? JsonShape::kObject : JsonShape::kLines;
}

}  // namespace peer::streams
