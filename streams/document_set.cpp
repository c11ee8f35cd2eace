#include "streams/document_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "peer/base/digest.h"
#include "peer/base/error.h"
#include "streams/document_reader.h"
#include "streams/text_cut.h"

namespace peer::streams {

DocumentSet::DocumentSet(const StreamOptions& options, std::int64_t max_bytes, CorpusReport& report, const Reading& reading)
    : options_(options), max_bytes_(max_bytes), report_(report), reading_(reading) {}

void DocumentSet::add_files(const std::vector<std::string>& paths) {
  for (const auto& file : list_files(paths, options_.glob)) {
    if (full()) return;
    add_file(file);
  }
}

void DocumentSet::add_file(const SourceFile& file) {
  const std::size_t first = documents_.size();
  const std::int64_t bytes = bytes_;
  const CorpusReport before = report_;
  try {
    if (add_documents(file) > 0) ++report_.files;
  } catch (const CorpusError& error) {
    if (options_.strict || file.named) throw;
    forget_since(first, bytes, before);
    skip(error.what());
  }
}

std::int64_t DocumentSet::add_documents(const SourceFile& file) {
  const auto reader = open_documents(file.path, options_, reading_.stop);
  const bool bad_documents_are_fatal = options_.strict || (file.named && !is_jsonl(file.path, options_));
  std::int64_t good = 0;
  std::string first_bad;
  for (Document document; !full();) try {
      check_stop(reading_.stop);  // here too: a block that was compressed may hold many documents
      if (!reader->next(document)) break;
      if (++good == 1 && report_.like_json.empty() && !is_jsonl(file.path, options_)) look_for_json(file, document.text);
      tell(document);
      add(std::move(document));
    } catch (const BadDocument& error) {
      if (bad_documents_are_fatal) throw;
      if (first_bad.empty()) first_bad = error.what();
      skip(error.what());
    }
  if (good == 0 && file.named)
    throw CorpusError(first_bad.empty()
                          ? fmt::format("{}: holds no text; expected UTF-8 text or JSONL", file.path == "-" ? "stdin" : file.path)
                          : first_bad);
  return good;
}

void DocumentSet::look_for_json(const SourceFile& file, std::string_view text) {
  const auto shape = json_shape(text);
  if (!shape || (*shape == JsonShape::kObject && !file.named)) return;  // a folder of code holds settings in JSON, which are meant as text
  report_.like_shape = *shape;
  report_.like_json = file.path == "-" ? "stdin" : file.path;
}

void DocumentSet::tell(const Document& document) {
  constexpr std::int64_t kMegabyte = 1'000'000, kLong = 32 * kMegabyte;  // less is read within a second
  const std::int64_t before = bytes_read_;
  ++documents_read_, bytes_read_ += std::ssize(document.text);
  if (reading_.progress != nullptr && bytes_read_ >= kLong && bytes_read_ / kMegabyte != before / kMegabyte)
    reading_.progress->update("read", documents_read_, 0, fmt::format("documents, {} MB", bytes_read_ / kMegabyte));
}

void DocumentSet::add(Document document) {
  if (hashes_.contains(document.hash)) {
    ++report_.duplicates;
    return;
  }
  if (max_bytes_ > 0 && bytes_ + std::ssize(document.text) > max_bytes_) {
    document.text.resize(cut_point(document.text, static_cast<std::size_t>(max_bytes_ - bytes_)));
    document.hash = hash64_of(document.text.data(), document.text.size());
    bytes_ = max_bytes_;  // full, even when the cut left some bytes unused
    if (is_blank(document.text) || hashes_.contains(document.hash)) return;
  } else {
    bytes_ += std::ssize(document.text);
  }
  hashes_.insert(document.hash);
  documents_.push_back(std::move(document));
}

void DocumentSet::skip(const std::string& why) {
  if (report_.bad++ == 0) report_.first_bad = why;
}

void DocumentSet::forget_since(std::size_t first, std::int64_t bytes, const CorpusReport& before) {
  for (std::size_t i = first; i < documents_.size(); ++i) hashes_.erase(documents_[i].hash);
  documents_.resize(first);
  bytes_ = bytes;
  report_ = before;
}

}  // namespace peer::streams
