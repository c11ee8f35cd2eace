#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pool/pool.h"
#include "streams/document.h"
#include "trainer/state/bits_per_byte.h"
#include "trainer/state/learning_history.h"

namespace peer::trainer {

using Records = std::vector<std::pair<std::string, std::string>>;                                              // for the pool: key, value
std::optional<std::string> find_record(const pool::Pool& pool, const Records& fresh, const std::string& key);  // fresh: not in the pool yet

// The first documents whose bytes fit into `limit_bytes` (at least one; a longer one is cut at a character).
std::vector<streams::Document> select_held_out(const std::vector<streams::Document>& documents, std::int64_t limit_bytes);

// Held-out documents live in the pool, so that forgetting can be measured when the corpus is gone. A record is named by its content.
std::string encode_documents(const std::vector<streams::Document>& documents);
// `domain` is for the documents' places alone.
std::vector<streams::Document> decode_documents(const std::string& text, const std::string& domain);
std::string held_out_key(const Digest& content);
// CorruptError when the domain's documents are missing or damaged.
std::vector<streams::Document> read_held_out(const pool::Pool& pool, const DomainRecord& domain);

// The reservoir of a domain: training text that stays in the pool to be replayed.
std::string reservoir_key(const Digest& content);
std::vector<streams::Document> read_reservoir(const pool::Pool& pool, const DomainRecord& domain);

std::string encode_bits(const std::vector<DocumentBits>& documents);
std::string bits_key(const Digest& content);
std::vector<DocumentBits> read_bits(const pool::Pool& pool, const Digest& content);

}  // namespace peer::trainer
