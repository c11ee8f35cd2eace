#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace peer::streams {

// Tokens are bytes; one more token marks the start and the end of a document.
struct ByteTokenizer {
  static constexpr std::int32_t kEndOfDocument = 256;
  static constexpr std::int64_t kVocabulary = 257;
  static void append(std::string_view text, std::vector<std::int32_t>& tokens) {
    tokens.reserve(tokens.size() + text.size());
    for (unsigned char byte : text) tokens.push_back(byte);
  }
};

}  // namespace peer::streams
