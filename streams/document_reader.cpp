#include "streams/document_reader.h"

#include <utility>

#include "streams/inflate.h"

namespace peer::streams {

bool is_jsonl(const std::string& name) { return name.ends_with(".jsonl") || name.ends_with(".jsonl.gz") || name.ends_with(".jsonl.zst"); }

std::unique_ptr<DocumentReader> read_documents(std::unique_ptr<ByteReader> packed, const std::string& name, const StreamOptions& options) {
  auto inflated = inflate(std::move(packed), name);
  return is_jsonl(name) ? read_jsonl(std::move(inflated), name, options) : read_text(std::move(inflated), name, options);
}

std::unique_ptr<DocumentReader> open_documents(const std::string& path, const StreamOptions& options) {
  return read_documents(open_file(path), path == "-" ? "stdin" : path, options);
}

}  // namespace peer::streams
