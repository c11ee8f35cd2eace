#pragma once

#include <cstdint>
#include <vector>

#include "streams/document.h"
#include "streams/reading.h"
#include "streams/tokenizer/tokenizer.h"

namespace peer::streams {

// Documents as tokens, in any order and in parts. Bytes are taken from the text itself; other tokens are found once and kept, 4 bytes each.
class DocumentTokens {
 public:
  // Both outlive it. ReadingStopped when reading.stop is set meanwhile.
  DocumentTokens(const std::vector<Document>& documents, const Tokenizer& tokenizer, const Reading& reading = {});

  std::size_t documents() const { return documents_.size(); }
  std::int32_t end_of_document() const { return tokenizer_.end_of_document(); }
  const Tokenizer& tokenizer() const { return tokenizer_; }
  std::int64_t size(std::int64_t document) const;  // tokens, without a mark at either end
  // Adds the document's tokens [begin, begin + count), fewer where it ends, to `tokens`. Returns how many.
  std::int64_t append(std::int64_t document, std::int64_t begin, std::int64_t count, std::vector<std::int32_t>& tokens) const;

 private:
  const std::vector<Document>& documents_;
  const Tokenizer& tokenizer_;
  std::vector<std::int32_t> tokens_;  // of all documents, one after the other; none where tokens are bytes
  std::vector<std::int64_t> starts_;  // (documents + 1) in tokens_
};

}  // namespace peer::streams
