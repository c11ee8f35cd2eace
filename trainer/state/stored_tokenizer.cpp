#include "trainer/state/stored_tokenizer.h"

#include <fmt/format.h>

#include "peer/base/error.h"

namespace peer::trainer {
namespace {
constexpr const char* kJson = "tokenizer/json";
constexpr const char* kEndOfDocument = "tokenizer/end-of-document";
}  // namespace

Records tokenizer_records(const std::string& json, const std::string& end_of_document) {
  return {{kJson, json}, {kEndOfDocument, end_of_document}};
}

std::shared_ptr<const streams::Tokenizer> read_tokenizer(const pool::Pool& pool) {
  const auto json = pool.record(kJson), end = pool.record(kEndOfDocument);
  if (!json && !end) return streams::byte_tokenizer();
  if (!json || !end) throw CorruptError(fmt::format("{}: the record '{}' is missing", pool.path(), json ? kEndOfDocument : kJson));
  const std::string where = fmt::format("{}, record '{}'", pool.path(), kJson);
  try {
    return streams::bpe_tokenizer(*json, *end, where);
  } catch (const UsageError& error) {  // it could be read when it was stored
    throw CorruptError(error.what());
  }
}

}  // namespace peer::trainer
