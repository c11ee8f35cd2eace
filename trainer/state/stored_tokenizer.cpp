#include "trainer/state/stored_tokenizer.h"

#include <fmt/format.h>

#include "peer/base/error.h"

namespace peer::trainer {

Records tokenizer_records(const std::string& json, const std::string& end_of_document, streams::Marks marks) {
  Records records = {{kTokenizerJson, json}, {kTokenizerEndOfDocument, end_of_document}};
  if (marks != streams::Marks::kText) records.emplace_back(kTokenizerMarks, to_text(marks));
  return records;
}

std::shared_ptr<const streams::Tokenizer> stored_tokenizer(const pool::Pool& pool) {
  const auto json = pool.record(kTokenizerJson), end = pool.record(kTokenizerEndOfDocument);
  if (!json && !end) return streams::byte_tokenizer();
  if (!json || !end)
    throw CorruptError(fmt::format("{}: the record '{}' is missing", pool.path(), json ? kTokenizerEndOfDocument : kTokenizerJson));
  const std::string where = fmt::format("{}, record '{}'", pool.path(), kTokenizerJson);
  try {
    streams::Marks marks = streams::Marks::kText;
    if (const auto stored = pool.record(kTokenizerMarks)) parse_text(kTokenizerMarks, *stored, marks);
    return streams::bpe_tokenizer(*json, *end, where, marks);
  } catch (const UsageError& error) {  // it could be read when it was stored
    throw CorruptError(error.what());
  }
}

}  // namespace peer::trainer
