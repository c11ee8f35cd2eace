#pragma once

#include <cstdint>
#include <vector>

#include "streams/document.h"

namespace peer::streams {

struct Split {
  std::vector<Document> training, held_out;  // in reading order
};

// A document is held out when its hash, as a fraction of 2^64, is below `share`: a matter of its text alone, so the split survives
// files that are renamed, reordered or added. When that leaves a side empty, the document with the smallest hash is held out, or the
// one with the largest trained on; a single document is cut in two at the line end nearest to its (1 - share).
// CorpusError when a single document has no such line end or under 200 bytes. `documents` is not empty.
Split split_documents(std::vector<Document> documents, double share);

// Drops the documents of `training` whose text is held out as well, and those that begin or end with a held-out text of kTellingBytes or
// more: a document may have been held out in part. Returns how many.
inline constexpr std::size_t kTellingBytes = 32;
std::int64_t drop_held_out(std::vector<Document>& training, const std::vector<Document>& held_out);

}  // namespace peer::streams
