#include "trainer/state/held_out.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "peer/base/error.h"

namespace peer::trainer {
namespace {

std::string read_record(const pool::Pool& pool, const std::string& key, const Digest& content) {
  const auto text = pool.record(key);
  if (!text) throw CorruptError(fmt::format("the pool's record '{}' is missing", key));
  if (digest_of(*text) != content) throw CorruptError(fmt::format("the pool's record '{}' does not match its name", key));
  return *text;
}

}  // namespace

std::optional<std::string> find_record(const pool::Pool& pool, const Records& fresh, const std::string& key) {
  for (const auto& [name, value] : fresh)
    if (name == key) return value;
  return pool.record(key);
}

std::vector<streams::Document> select_held_out(const std::vector<streams::Document>& documents, std::int64_t limit_bytes) {
  std::vector<streams::Document> kept;
  std::int64_t bytes = 0;
  for (const streams::Document& document : documents) {
    const auto size = static_cast<std::int64_t>(document.text.size());
    if (bytes + size > limit_bytes && !kept.empty()) continue;
    kept.push_back(document);
    bytes += size;
    if (size <= limit_bytes) continue;
    auto end = static_cast<std::size_t>(limit_bytes);
    const auto inside_character = [&](std::size_t at) { return (static_cast<unsigned char>(document.text[at]) & 0xC0) == 0x80; };
    while (end > 0 && inside_character(end)) --end;
    if (end == 0)  // a whole one at least: nothing can be scored on no text
      while (++end < document.text.size() && inside_character(end)) continue;
    kept.back().text.resize(end);
    bytes = limit_bytes;
  }
  return kept;
}

std::string encode_documents(const std::vector<streams::Document>& documents) {
  nlohmann::json texts = nlohmann::json::array();
  for (const auto& document : documents) texts.push_back(document.text);
  return texts.dump();
}

std::string held_out_key(const Digest& content) { return "held_out/" + to_hex(content); }

std::vector<streams::Document> read_held_out(const pool::Pool& pool, const DomainRecord& domain) {
  return decode_documents(read_record(pool, held_out_key(domain.held_out), domain.held_out), domain.name);
}

std::string reservoir_key(const Digest& content) { return "reservoir/" + to_hex(content); }

std::vector<streams::Document> read_reservoir(const pool::Pool& pool, const DomainRecord& domain) {
  return decode_documents(read_record(pool, reservoir_key(domain.reservoir), domain.reservoir), domain.name);
}

std::vector<streams::Document> decode_documents(const std::string& text, const std::string& domain) {
  std::vector<streams::Document> documents;
  for (const auto& document : nlohmann::json::parse(text)) {
    streams::Document& d = documents.emplace_back();
    d.text = document.get<std::string>();
    d.where = fmt::format("stored document {} of '{}'", documents.size(), domain);
    d.hash = hash64_of(d.text.data(), d.text.size());
  }
  return documents;
}

std::string encode_bits(const std::vector<DocumentBits>& documents) {
  nlohmann::json pairs = nlohmann::json::array();
  for (const DocumentBits& d : documents) pairs.push_back({d.bits, d.bytes});
  return pairs.dump();
}

std::string bits_key(const Digest& content) { return "bits/" + to_hex(content); }

std::vector<DocumentBits> read_bits(const pool::Pool& pool, const Digest& content) {
  std::vector<DocumentBits> documents;
  for (const auto& pair : nlohmann::json::parse(read_record(pool, bits_key(content), content)))
    documents.push_back({pair.at(0).get<double>(), pair.at(1).get<std::int64_t>()});
  return documents;
}

}  // namespace peer::trainer
