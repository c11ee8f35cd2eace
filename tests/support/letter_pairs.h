// A tokenizer of small vocabulary whose tokens are one or two bytes, so that neither a token's place nor its number is that of a byte.
#pragma once

#include <string>

#include "streams/tokenizer/tokenizer.h"

namespace peer::test {

// Tokens [0, 256) are bytes, 256 the end of a document, then pairs of the letters a to d: 257 + 4 * first + second.
class LetterPairs final : public streams::Tokenizer {
 public:
  LetterPairs() {
    for (int byte = 0; byte < 256; ++byte) texts_.emplace_back(1, static_cast<char>(byte));
    texts_.emplace_back();
    for (char first = 'a'; first <= 'd'; ++first)
      for (char second = 'a'; second <= 'd'; ++second) texts_.push_back({first, second});
  }
  std::int64_t vocabulary() const override { return std::ssize(texts_); }
  std::int32_t end_of_document() const override { return 256; }
  void append(std::string_view text, std::vector<std::int32_t>& tokens) const override {
    const auto letter = [&](std::size_t i) { return i < text.size() && text[i] >= 'a' && text[i] <= 'd'; };
    for (std::size_t i = 0; i < text.size(); ++i)
      if (letter(i) && letter(i + 1))
        tokens.push_back(257 + 4 * (text[i] - 'a') + text[i + 1] - 'a'), ++i;
      else
        tokens.push_back(static_cast<unsigned char>(text[i]));
  }
  std::string_view text_of(std::int32_t token) const override { return texts_.at(static_cast<std::size_t>(token)); }

 private:
  std::vector<std::string> texts_;
};

}  // namespace peer::test
