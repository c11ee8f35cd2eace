#include "streams/document_reader.h"

#include <string_view>
#include <utility>

#include "streams/inflate.h"

namespace peer::streams {

bool is_jsonl(const std::string& name, const StreamOptions& options) {
  if (options.format != TextFormat::kAuto) return options.format == TextFormat::kJsonl;
  std::string lower;
  for (const char c : name) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (const std::string_view packed : {".gz", ".zst", ".xz"})
    if (lower.ends_with(packed)) lower.resize(lower.size() - packed.size());
  return lower.ends_with(".jsonl") || lower.ends_with(".ndjson");
}

std::unique_ptr<DocumentReader> read_documents(std::unique_ptr<ByteReader> packed, const std::string& name, const StreamOptions& options) {
  auto inflated = inflate(std::move(packed), name);
  return is_jsonl(name, options) ? read_jsonl(std::move(inflated), name, options) : read_text(std::move(inflated), name, options);
}

std::unique_ptr<DocumentReader> open_documents(const std::string& path, const StreamOptions& options, const std::atomic<bool>* stop) {
  return read_documents(open_file(path, stop), path == "-" ? "stdin" : path, options);
}

}  // namespace peer::streams
