#pragma once

#include <optional>
#include <string_view>

namespace peer::streams {

// JSON that is not JSONL, and JSONL that is taken for something else.
enum class JsonShape { kLines, kArray, kObject };  // JSONL; an array of objects; an object over several lines

// What `text` begins like.
std::optional<JsonShape> json_shape(std::string_view text);

}  // namespace peer::streams
