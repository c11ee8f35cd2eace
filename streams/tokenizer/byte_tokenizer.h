#pragma once

#include <cstdint>

#include "streams/tokenizer/tokenizer.h"

namespace peer::streams {

// Tokens are bytes; one more token marks the start and the end of a document.
class ByteTokenizer final : public Tokenizer {
 public:
  static constexpr std::int32_t kEndOfDocument = 256;
  static constexpr std::int64_t kVocabulary = 257;
  std::int64_t vocabulary() const override { return kVocabulary; }
  std::int32_t end_of_document() const override { return kEndOfDocument; }
  void append(std::string_view text, std::vector<std::int32_t>& tokens) const override;
  std::string_view text_of(std::int32_t token) const override;
  bool is_bytes() const override { return true; }
};

}  // namespace peer::streams
