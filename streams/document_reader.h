// A file as documents. Plain text is cut at line ends into documents of about document_bytes; JSONL gives one a line.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "peer/base/error.h"
#include "streams/byte_reader.h"
#include "streams/document.h"
#include "streams/stream_options.h"

namespace peer::streams {

// One document that is no good; the reader stands behind it and can go on. Any other CorpusError is the end of the file.
class BadDocument : public CorpusError {
 public:
  using CorpusError::CorpusError;
};

class DocumentReader {
 public:
  virtual ~DocumentReader() = default;
  // Sets `document`; false at the end. Documents of white space alone are passed over.
  // Throws BadDocument (ill-formed UTF-8; a JSONL line that is too long, malformed, without its field, or binary) or CorpusError
  // (plain text that is binary or has too long a line; what the bytes' reader throws).
  virtual bool next(Document& document) = 0;
};

// As options.format says, or by the name: NAME.jsonl or NAME.ndjson in any case, and .gz, .zst or .xz after it.
bool is_jsonl(const std::string& name, const StreamOptions& options);

// The documents in `packed`; compression and format follow from `name`, which also begins every message.
std::unique_ptr<DocumentReader> read_documents(std::unique_ptr<ByteReader> packed, const std::string& name, const StreamOptions& options);
// As open_file.
std::unique_ptr<DocumentReader> open_documents(const std::string& path, const StreamOptions& options,
                                               const std::atomic<bool>* stop = nullptr);

// The two formats. `options` are copied as far as they matter.
std::unique_ptr<DocumentReader> read_text(std::unique_ptr<ByteReader> bytes, const std::string& name, const StreamOptions& options);
std::unique_ptr<DocumentReader> read_jsonl(std::unique_ptr<ByteReader> bytes, const std::string& name, const StreamOptions& options);

}  // namespace peer::streams
