#include "tests/streams/corpus_files.h"

#include <lzma.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "peer/base/philox.h"
#include "peer/base/require.h"

namespace peer::streams {

CorpusFiles::CorpusFiles() {
  std::string name = (std::filesystem::temp_directory_path() / "peer_streams_XXXXXX").string();
  require(mkdtemp(name.data()) != nullptr, "corpus files: a temporary directory");
  root_ = name;
}

CorpusFiles::~CorpusFiles() { std::filesystem::remove_all(root_); }

std::string CorpusFiles::path(const std::string& name) const { return name.empty() ? root_.string() : (root_ / name).string(); }

std::string CorpusFiles::write(const std::string& name, std::string_view bytes) const {
  std::filesystem::create_directories((root_ / name).parent_path());
  std::ofstream file(root_ / name, std::ios::binary);
  file.write(bytes.data(), std::ssize(bytes));
  require(file.good(), "corpus files: a written file");
  return path(name);
}

std::string gzip(std::string_view text) {
  z_stream stream{};
  require(deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK, "gzip: a stream");
  std::string packed(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  require(deflate(&stream, Z_FINISH) == Z_STREAM_END, "gzip: room for all");
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string zstd(std::string_view text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  return packed;
}

std::string xz(std::string_view text, std::uint32_t dictionary_bytes) {
  lzma_options_lzma options;
  require(!lzma_lzma_preset(&options, 1), "xz: a preset");
  options.dict_size = dictionary_bytes;
  lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, nullptr}};
  std::string packed(lzma_stream_buffer_bound(text.size()), '\0');
  std::size_t size = 0;
  const auto status = lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC64, nullptr, reinterpret_cast<const std::uint8_t*>(text.data()),
                                                text.size(), reinterpret_cast<std::uint8_t*>(packed.data()), &size, packed.size());
  require(status == LZMA_OK, "xz: room for all");
  packed.resize(size);
  return packed;
}

std::string paragraphs(int count, std::uint64_t seed) {
  const std::vector<std::string> words{"Wörter", "of",     "no",   "great", "meaning", "fill",
                                       "these",  "Zeilen", "with", "text",  "and",     "日本語"};
  const Random random(seed, Purpose::kTest);
  std::string text;
  std::uint64_t draw = 0;
  for (int i = 0; i < count; ++i) {
    for (int line = 0; line < 3; ++line) {
      for (int word = 0; word < 9; ++word) text += words[random.below(draw++, words.size())] + ' ';
      text += std::to_string(3 * i + line) + '\n';
    }
    text += '\n';
  }
  return text;
}

std::string jsonl(const std::vector<std::string>& texts) {
  std::string lines;
  for (const auto& text : texts) lines += nlohmann::json{{"id", 7}, {"text", text}}.dump() + '\n';
  return lines;
}

std::vector<std::string> texts_of(const std::vector<Document>& documents) {
  std::vector<std::string> texts;
  for (const auto& document : documents) texts.push_back(document.text);
  return texts;
}

StreamOptions options_from(const std::vector<std::string>& paths) {
  StreamOptions options;
  options.from = paths;
  options.document_bytes = 512;
  return options;
}

std::vector<std::string> read_all(const StreamOptions& options) {
  const Corpus corpus(options, kBytes);
  auto texts = texts_of(corpus.training());
  for (const auto& text : texts_of(corpus.held_out())) texts.push_back(text);
  std::sort(texts.begin(), texts.end());
  return texts;
}

std::string error_of(const StreamOptions& options) {
  try {
    Corpus corpus(options, kBytes);
  } catch (const CorpusError& error) {
    return error.what();
  }
  return "";
}

}  // namespace peer::streams
