#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "streams/tokenizer/added_tokens.h"
#include "streams/tokenizer/bpe_model.h"
#include "streams/tokenizer/text_steps.h"
#include "streams/tokenizer/tokenizer.h"

namespace peer::streams {

// What a tokenizer.json holds, checked.
struct TokenizerParts {
  TextSteps steps;
  BpeRules rules;
  std::vector<AddedToken> in_text, in_normalized_text;  // special ones among them with Marks::kTokens alone
  std::vector<std::string> text_of;                     // of each token; empty for those that no text becomes
  std::int32_t end_of_document = 0;
};

// As bpe_tokenizer of tokenizer.h.
TokenizerParts read_tokenizer_json(std::string_view json, const std::string& end_of_document, const std::string& where, Marks marks);

}  // namespace peer::streams
