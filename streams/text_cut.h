#pragma once

#include <cstddef>
#include <string_view>

namespace peer::streams {

// Nothing but white space: not a document.
bool is_blank(std::string_view text);

// Where to cut `text` so that the first part has at most `limit` bytes: after the last blank line of its second half; else after
// its last line; else, within a line longer than `limit`, between two characters. 0 only when no character fits.
std::size_t cut_point(std::string_view text, std::size_t limit);

// The line end nearest to `wanted` that leaves more than white space on both sides; 0 when there is none.
std::size_t line_end_near(std::string_view text, std::size_t wanted);

}  // namespace peer::streams
