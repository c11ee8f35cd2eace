#pragma once

namespace peer::streams {

// What a stretch of a text begins with: some tokenizers put a space before a text or before each of its segments.
enum class TextStart {
  kText,      // the text itself
  kSegment,   // what follows an added token or another piece
  kStrayByte  // what follows bytes that are not UTF-8; nothing is put before it
};

}  // namespace peer::streams
