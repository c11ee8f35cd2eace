// The tokenizer of a pool, in two of its records; a pool without them reads bytes.
#pragma once

#include <memory>
#include <string>

#include "pool/pool.h"
#include "streams/tokenizer.h"
#include "trainer/state/held_out.h"

namespace peer::trainer {

// `json`: a tokenizer.json; `end_of_document`: as for streams::bpe_tokenizer.
Records tokenizer_records(const std::string& json, const std::string& end_of_document);

// CorruptError when what is stored is no tokenizer.
std::shared_ptr<const streams::Tokenizer> read_tokenizer(const pool::Pool& pool);

}  // namespace peer::trainer
