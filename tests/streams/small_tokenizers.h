// tokenizer.json files that fit a screen.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "streams/tokenizer/tokenizer.h"

namespace peer::streams {

// GPT-2's structure: tokens 0 to 255 are the bytes, 256 to 276 merges; 277 is <|endoftext|>, special, and 278 <tool> and 279 <gap>, which
// takes the white space around it, are not.
nlohmann::json byte_level_json();

// Llama 2's structure: 0 <unk>, 1 <s>, 2 </s>, 3 to 258 the bytes, then the characters U+2581 and abcdehnt. and nine merges.
nlohmann::json sentencepiece_json();

inline constexpr const char* kEndOfText = "<|endoftext|>";

inline std::shared_ptr<const Tokenizer> tokenizer_of(const nlohmann::json& json, const std::string& end_of_document = kEndOfText,
                                                     Marks marks = Marks::kText) {
  return bpe_tokenizer(json.dump(), end_of_document, "tokenizer.json", marks);
}

inline std::vector<std::int32_t> tokens_of(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<std::int32_t> tokens;
  tokenizer.append(text, tokens);
  return tokens;
}

inline std::string text_of(const Tokenizer& tokenizer, const std::vector<std::int32_t>& tokens) {
  std::string text;
  for (const std::int32_t token : tokens) text += tokenizer.text_of(token);
  return text;
}

}  // namespace peer::streams
