// One reading of arbitrary bytes, shared by the fuzzer and by the test of a fixed set of mutations.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "peer/base/require.h"
#include "streams/document_reader.h"
#include "streams/tokenizer/utf8.h"

namespace peer::streams {

// Bytes in memory, handed out 700 at a time so that every boundary between two reads is met.
class MemoryReader final : public ByteReader {
 public:
  explicit MemoryReader(std::string bytes) : bytes_(std::move(bytes)) {}
  std::size_t read(char* to, std::size_t room) override {
    const std::size_t size = std::min({room, bytes_.size() - used_, std::size_t{700}});
    std::memcpy(to, bytes_.data() + used_, size);
    used_ += size;
    return size;
  }

 private:
  std::string bytes_;
  std::size_t used_ = 0;
};

struct ReadOutcome {
  int documents = 0, errors = 0;
};

// Reads `bytes` as a file called `name`. Passes on everything but CorpusError; ContractError when a document is not a text.
inline ReadOutcome read_every_document(const std::string& name, std::string bytes) {
  StreamOptions options;
  options.document_bytes = 64;
  options.max_document_bytes = 4096;
  if (name.find("nested") != name.npos) options.text_field = "meta.text";
  ReadOutcome outcome;
  try {
    const auto reader = read_documents(std::make_unique<MemoryReader>(std::move(bytes)), name, options);
    for (Document document;;) try {
        if (!reader->next(document)) break;
        require(!document.text.empty() && !find_fault(document.text), "document reader: a document is text");
        require(std::ssize(document.text) <= options.max_document_bytes, "document reader: a document within its bound");
        ++outcome.documents;
      } catch (const BadDocument&) {
        ++outcome.errors;
      }
  } catch (const CorpusError&) {
    ++outcome.errors;
  }
  return outcome;
}

}  // namespace peer::streams
