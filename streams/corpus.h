// A domain's text, split: documents to train on as shuffled batches, and the held-out documents.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "streams/batch.h"
#include "streams/document.h"
#include "streams/json_shape.h"
#include "streams/reading.h"
#include "streams/stream_options.h"
#include "streams/tokenizer/tokenizer.h"

namespace peer::streams {

// Where a stream of batches stands. Together with the options and the corpus it determines every later batch.
// The shuffle buffer is not saved: it is rebuilt by reading the epoch again from its start.
struct Cursor {
  std::int64_t batches = 0;  // handed out so far
  std::uint64_t seed = 0;
  std::uint64_t corpus_hash = 0;  // XXH3-64 over the training documents' hashes in reading order; a changed corpus is refused at resume
};

// What was read, for the run's header and its log.
struct CorpusReport {
  std::int64_t files = 0, documents = 0, bytes = 0;  // documents and bytes: training and held out together
  std::int64_t held_out_documents = 0, held_out_bytes = 0;
  std::int64_t duplicates = 0;  // exact duplicates, dropped
  std::int64_t kept_out = 0;    // documents that were not to be trained on, dropped
  std::int64_t bad = 0;         // skipped: invalid UTF-8, binary, malformed JSON, too long
  std::string first_bad;        // "file:line: why"
  std::string like_json;        // the first file that begins like JSON and was read as plain text
  JsonShape like_shape = JsonShape::kLines;
};

// What to try when a text seems to be of another format than it was read as; empty: nothing.
std::string format_hint(const CorpusReport& report);

// All of --from: what a text is scored on, which needs no split. CorpusError as for a corpus, but one document is enough.
struct WholeText {
  std::vector<Document> documents;  // in reading order
  CorpusReport report;
};
WholeText read_whole(const StreamOptions& options, const Reading& reading = {});

class Corpus {
 public:
  // Reads everything once: validates, splits, counts. CorpusError (one line: what, where, what to try) for a missing path, no
  // readable document, no training or no held-out document. Training text is kept in memory. What is in `kept_out` is not trained on, in
  // part neither (drop_held_out): the documents on which older domains are scored. ReadingStopped when reading.stop is set meanwhile.
  // `tokenizer` outlives the corpus.
  Corpus(const StreamOptions& options, const Tokenizer& tokenizer, const std::vector<Document>& kept_out = {}, const Reading& reading = {});
  ~Corpus();
  Corpus(Corpus&&) noexcept;

  const CorpusReport& report() const;
  const std::vector<Document>& held_out() const;
  const std::vector<Document>& training() const;

  // Starts (or continues) the batches: cursor.batches of them count as already handed out.
  // Windows of the packed documents [eod d1 eod d2 ...], T apart, leave a shuffle buffer in an order that (seed, epoch) fixes.
  // UsageError when the cursor's corpus_hash (when not 0) is not this corpus's.
  void start(std::int64_t rows, std::int64_t length, const Cursor& cursor);
  const Batch& next();
  Cursor cursor() const;
  std::int64_t epoch() const;
  std::int64_t training_tokens() const;  // with a mark for every document
  double bytes_a_token() const;          // of the training text

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace peer::streams
