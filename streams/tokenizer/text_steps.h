#pragma once

#include <string>
#include <vector>

#include "streams/tokenizer/json_place.h"
#include "streams/tokenizer/pre_tokenizer.h"
#include "streams/tokenizer/text_normalizer.h"

namespace peer::streams {

// What a tokenizer.json does to a text before its words are encoded.
struct TextSteps {
  std::vector<TextNormalizer::Step> normalizer;
  std::vector<PreTokenizer::Step> pre_tokenizer;
  bool byte_level = false;  // words are spelled with the characters of byte_alphabet.h
  std::string space_mark;   // what a space becomes, empty when it stays one
};

// The fields `normalizer` and `pre_tokenizer`. UsageError for a step that is not supported, CorruptError for one that is damaged.
TextSteps read_text_steps(const JsonPlace& tokenizer);

}  // namespace peer::streams
