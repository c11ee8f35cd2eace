// The tokenizer of a pool, in two of its records; a pool without them reads bytes.
#pragma once

#include <memory>
#include <string>

#include "pool/pool.h"
#include "streams/tokenizer/tokenizer.h"
#include "trainer/state/held_out.h"

namespace peer::trainer {

// `json`: a tokenizer.json; `end_of_document`: as for streams::bpe_tokenizer.
inline constexpr const char* kTokenizerJson = "tokenizer/json";                      // the whole text of tokenizer.json
inline constexpr const char* kTokenizerEndOfDocument = "tokenizer/end-of-document";  // the content of the token that marks it

Records tokenizer_records(const std::string& json, const std::string& end_of_document);

// CorruptError when what is stored is no tokenizer.
std::shared_ptr<const streams::Tokenizer> stored_tokenizer(const pool::Pool& pool);

}  // namespace peer::trainer
