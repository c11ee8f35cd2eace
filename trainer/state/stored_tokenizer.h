// The tokenizer of a pool whose base was trained elsewhere, as records of the pool. A pool without them reads and writes bytes.
#pragma once

#include <string>

#include "trainer/state/held_out.h"

namespace peer::trainer {

inline constexpr const char* kTokenizerJson = "tokenizer/json";                      // the whole text of tokenizer.json
inline constexpr const char* kTokenizerEndOfDocument = "tokenizer/end-of-document";  // the content of the token that marks it

Records tokenizer_records(const std::string& json, const std::string& end_of_document);

}  // namespace peer::trainer
