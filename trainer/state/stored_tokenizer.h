// The tokenizer of a pool, in its records; a pool without them reads bytes.
#pragma once

#include <memory>
#include <string>

#include "pool/pool.h"
#include "streams/tokenizer/tokenizer.h"
#include "trainer/state/held_out.h"

namespace peer::trainer {

inline constexpr const char* kTokenizerJson = "tokenizer/json";                      // the whole text of tokenizer.json
inline constexpr const char* kTokenizerEndOfDocument = "tokenizer/end-of-document";  // the content of the token that marks it

inline constexpr const char* kTokenizerMarks = "tokenizer/marks";  // "tokens"; absent: "text"

// `json`: a tokenizer.json; the others as for streams::bpe_tokenizer.
Records tokenizer_records(const std::string& json, const std::string& end_of_document, streams::Marks marks);

// CorruptError when what is stored is no tokenizer.
std::shared_ptr<const streams::Tokenizer> stored_tokenizer(const pool::Pool& pool);

}  // namespace peer::trainer
