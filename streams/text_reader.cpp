#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "peer/base/digest.h"
#include "streams/byte_window.h"
#include "streams/document_reader.h"
#include "streams/text_cut.h"
#include "streams/tokenizer/utf8.h"

namespace peer::streams {
namespace {

class TextReader final : public DocumentReader {
 public:
  TextReader(std::unique_ptr<ByteReader> bytes, std::string name, const StreamOptions& options)
      : window_(std::move(bytes)),
        name_(std::move(name)),
        document_bytes_(static_cast<std::size_t>(options.document_bytes)),
        max_document_bytes_(static_cast<std::size_t>(options.max_document_bytes)) {
    window_.drop_byte_order_mark();
  }

  bool next(Document& document) override {
    for (;;) {
      const std::int64_t offset = window_.offset();
      const std::string_view text = take();
      if (text.empty()) return false;
      if (is_blank(text)) continue;
      if (const auto fault = find_fault(text)) refuse(*fault, offset);
      document.text = text;
      document.where = fmt::format("{}@{}", name_, offset);
      document.hash = hash64_of(text.data(), text.size());
      return true;
    }
  }

 private:
  // The next piece of the file, cut but not judged.
  std::string_view take() {
    // The end of a file may be half a document more, so that it is no crumb of its own.
    const std::size_t room = whole_file() ? max_document_bytes_ + 1 : std::min(document_bytes_ + document_bytes_ / 2, max_document_bytes_);
    const std::string_view ahead = window_.fill(room);
    const bool last = ahead.size() < room;
    if (!last && whole_file())
      throw CorpusError(
          fmt::format("{}: longer than {} bytes, which --document-bytes 0 makes one document; raise --max-document-bytes or "
                      "set --document-bytes 8192",
                      name_, max_document_bytes_));
    const std::string_view text = last ? ahead : ahead.substr(0, cut_point(ahead, document_bytes_));
    measure_line(text);
    window_.drop(text.size());
    return text;
  }

  // A line may span many documents; nobody's text has a line of 64 MiB, but a decompression bomb does.
  void measure_line(std::string_view text) {
    const std::size_t first_end = text.find('\n');
    if (line_bytes_ + std::min(first_end, text.size()) > max_document_bytes_)
      throw CorpusError(
          fmt::format("{}: byte {}: a line longer than {} bytes; expected text with line ends; raise --max-document-bytes to "
                      "read it",
                      name_, window_.offset() - static_cast<std::int64_t>(line_bytes_), max_document_bytes_));
    line_bytes_ = first_end == text.npos ? line_bytes_ + text.size() : text.size() - text.rfind('\n') - 1;
  }

  [[noreturn]] void refuse(const TextFault& fault, std::int64_t offset) const {
    const auto at = offset + static_cast<std::int64_t>(fault.offset);
    if (fault.kind == TextFault::Kind::kBinary)
      throw CorpusError(
          fmt::format("{}: byte {} is 0x{:02X}: a binary file; expected UTF-8 text (of compressed text gzip, Zstandard and "
                      "xz are read, anything else must be unpacked; UTF-16 needs iconv -f UTF-16 -t UTF-8)",
                      name_, at, fault.byte));
    throw BadDocument(
        fmt::format("{}: byte {} is 0x{:02X}: not UTF-8; convert the file, e.g. iconv -f LATIN1 -t UTF-8", name_, at, fault.byte));
  }

  bool whole_file() const { return document_bytes_ == 0; }

  ByteWindow window_;
  std::string name_;
  std::size_t document_bytes_, max_document_bytes_;
  std::size_t line_bytes_ = 0;  // of the line that is open where the window stands
};

}  // namespace

std::unique_ptr<DocumentReader> read_text(std::unique_ptr<ByteReader> bytes, const std::string& name, const StreamOptions& options) {
  return std::make_unique<TextReader>(std::move(bytes), name, options);
}

}  // namespace peer::streams
