#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "peer/base/options.h"

namespace peer::streams {

enum class TextFormat { kAuto, kText, kJsonl };

}  // namespace peer::streams

namespace peer {
template <>
struct EnumNames<streams::TextFormat> {
  static constexpr std::pair<streams::TextFormat, std::string_view> values[] = {
      {streams::TextFormat::kAuto, "auto"}, {streams::TextFormat::kText, "text"}, {streams::TextFormat::kJsonl, "jsonl"}};
};
}  // namespace peer

namespace peer::streams {

struct StreamOptions {
  std::vector<std::string> from;  // what to read
  std::vector<std::string> test;  // held-out documents; empty: split `from` by document
  std::string glob = "*";
  TextFormat format = TextFormat::kAuto;
  std::string text_field = "text";
  double held_out_share = 0.05;
  std::int64_t document_bytes = 8192;
  std::int64_t max_document_bytes = 64 << 20;
  std::int64_t shuffle_windows = 16384;
  std::int64_t max_bytes = 0;
  bool strict = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.from, OptionInfo{"from", "files, directories or - (stdin): text, .jsonl, each also as gzip, Zstandard or xz", "PATH..."});
    visit(self.format, OptionInfo{"format", "what the files hold; auto: JSONL where a name ends in .jsonl or .ndjson, else text"});
    visit(self.test, OptionInfo{"test", "held-out documents from here instead of a split of --from", "PATH..."});
    visit(self.glob, OptionInfo{"glob", "which files of a directory are read, e.g. '*.h'", "PATTERN"});
    visit(self.text_field, OptionInfo{"text-field", "the field of a JSONL object that holds the text; a.b: the field b of a", "NAME"});
    visit(self.held_out_share, OptionInfo{"held-out-share", "share of documents kept for evaluation, chosen by a hash of the text"});
    visit(self.document_bytes,
          OptionInfo{"document-bytes", "plain text is cut into documents of about this size, at line ends; 0: a file is a document",
                     "bytes"});
    visit(self.max_document_bytes,
          OptionInfo{"max-document-bytes", "a longer document (or JSONL line) is refused with its place", "bytes"});
    visit(self.shuffle_windows,
          OptionInfo{"shuffle-windows", "windows in the shuffle buffer; larger mixes better, 1 keeps the order", "windows"});
    visit(self.max_bytes, OptionInfo{"max-bytes", "read at most this much text from --from; 0: all", "bytes"});
    visit(self.strict, OptionInfo{"strict", "stop at the first bad document instead of counting and skipping it"});
  }
};

}  // namespace peer::streams
