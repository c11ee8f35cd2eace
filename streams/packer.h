#pragma once

#include <cstdint>
#include <vector>

#include "streams/document_tokens.h"

namespace peer::streams {

// Documents as one closed ring of tokens, [eod d1 eod d2 ... eod dn] and then eod d1 again: every document has an end-of-document token
// on both sides, and a text shorter than a window fills it by repeating.
class Packer {
 public:
  // `documents` (not empty) outlive the packer. They are laid in their own order.
  explicit Packer(DocumentTokens documents);

  // Lays the documents in another order; a permutation of their indices.
  void arrange(const std::vector<std::int64_t>& order);

  const DocumentTokens& documents() const { return documents_; }
  // Tokens of one turn: those of all documents, and one more for each.
  std::int64_t size() const { return starts_.back(); }

  // Adds `count` tokens from `position` (>= 0, taken modulo size()) to `tokens`.
  void append(std::int64_t position, std::int64_t count, std::vector<std::int32_t>& tokens) const;

 private:
  DocumentTokens documents_;
  std::vector<std::int64_t> order_;
  std::vector<std::int64_t> starts_;  // (documents + 1) where each place's end-of-document token lies; last: the size
};

}  // namespace peer::streams
