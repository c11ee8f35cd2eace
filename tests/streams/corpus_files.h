// What the tests of streams share: files in a directory of their own, compression, sample text.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "streams/corpus.h"
#include "streams/tokenizer/byte_tokenizer.h"

namespace peer::streams {

inline const ByteTokenizer kBytes;

class CorpusFiles {
 public:
  CorpusFiles();
  ~CorpusFiles();
  CorpusFiles(const CorpusFiles&) = delete;
  CorpusFiles& operator=(const CorpusFiles&) = delete;

  std::string path(const std::string& name = "") const;
  std::string write(const std::string& name, std::string_view bytes) const;  // makes directories; returns the path

 private:
  std::filesystem::path root_;
};

std::string gzip(std::string_view text);
std::string zstd(std::string_view text);
std::string xz(std::string_view text, std::uint32_t dictionary_bytes = 1 << 20);

std::string paragraphs(int count, std::uint64_t seed = 1);  // lines of words in paragraphs, none equal to another
std::string jsonl(const std::vector<std::string>& texts);   // {"text": ...} a line
std::vector<std::string> texts_of(const std::vector<Document>& documents);

StreamOptions options_from(const std::vector<std::string>& paths);
std::vector<std::string> read_all(const StreamOptions& options);  // training and held-out texts, sorted
std::string error_of(const StreamOptions& options);               // the CorpusError of reading; "" when there is none

}  // namespace peer::streams
