#pragma once

#include <cstdint>
#include <string>

namespace peer::streams {

// One text, and where it came from ("corpus.jsonl.zst:17": file and line, or file and byte offset of plain text).
struct Document {
  std::string text;  // valid UTF-8, not empty
  std::string where;
  std::uint64_t hash = 0;  // XXH3-64 of the text: decides the split, finds exact duplicates
};

}  // namespace peer::streams
