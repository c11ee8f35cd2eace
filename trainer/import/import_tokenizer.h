// The tokenizer of a model's folder, and which of its tokens marks where a document ends.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "streams/tokenizer/tokenizer.h"

namespace peer::trainer {

struct ImportedTokenizer {
  std::string json;             // tokenizer.json, whole
  std::string end_of_document;  // the content of an added token
  streams::Marks marks = streams::Marks::kText;
  std::shared_ptr<const streams::Tokenizer> tokenizer;
};

// named: the content of that token; empty: <|endoftext|>, <|end_of_text|>, or what tokenizer_config.json or `end_ids` of config.json name,
// the first that is there. UsageError when tokenizer.json is missing, is of a kind that is not supported or has no such token; CorruptError
// when it is damaged or has more than `vocabulary` tokens.
ImportedTokenizer import_tokenizer(const std::string& folder, const std::string& named, const std::vector<std::int64_t>& end_ids,
                                   std::int64_t vocabulary, streams::Marks marks);

}  // namespace peer::trainer
