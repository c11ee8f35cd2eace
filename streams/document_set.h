#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "streams/corpus.h"
#include "streams/document.h"
#include "streams/reading.h"
#include "streams/source.h"
#include "streams/stream_options.h"

namespace peer::streams {

// Gathers the documents of many files: exact duplicates once, what is bad counted or thrown.
//   A bad line spoils itself; a binary file, a too long line of plain text or damaged compression spoils its file, of which nothing is
//   kept. Thrown rather than counted: everything when options.strict; of a named file all but bad lines of JSONL, and its emptiness.
class DocumentSet {
 public:
  // Added to `report`: files, duplicates, bad. At most `max_bytes` of text are kept (0: all), and no more read.
  DocumentSet(const StreamOptions& options, std::int64_t max_bytes, CorpusReport& report, const Reading& reading);
  void add_files(const std::vector<std::string>& paths);
  std::vector<Document> take() { return std::move(documents_); }

 private:
  void add_file(const SourceFile& file);
  std::int64_t add_documents(const SourceFile& file);                 // how many were good
  void look_for_json(const SourceFile& file, std::string_view text);  // in the first document of a plain text
  void tell(const Document& document);                                // of how much was read, once that is much
  void add(Document document);
  void skip(const std::string& why);
  void forget_since(std::size_t first, std::int64_t bytes, const CorpusReport& before);
  bool full() const { return max_bytes_ > 0 && bytes_ >= max_bytes_; }

  const StreamOptions& options_;
  std::int64_t max_bytes_, bytes_ = 0;
  CorpusReport& report_;
  const Reading& reading_;
  std::int64_t documents_read_ = 0, bytes_read_ = 0;  // with duplicates
  std::vector<Document> documents_;
  std::unordered_set<std::uint64_t> hashes_;
};

}  // namespace peer::streams
