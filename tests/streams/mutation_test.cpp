#include <string>

#include "peer/base/philox.h"
#include "tests/fuzz/read_every_document.h"
#include "tests/streams/corpus_files.h"
#include "tests/support/catch.h"

namespace peer::streams {
namespace {

// Flips, overwrites, removes, repeats or cuts off a few bytes.
std::string mutated(std::string bytes, const Random& random, std::uint64_t& draw) {
  const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(random.below(draw++, bound)); };
  for (std::size_t edits = 1 + below(4); edits > 0 && !bytes.empty(); --edits) {
    const std::size_t at = below(bytes.size()), size = 1 + below(16);
    switch (below(5)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        break;
      case 1:
        bytes[at] = static_cast<char>(below(256));
        break;
      case 2:
        bytes.erase(at, size);
        break;
      case 3:
        bytes.insert(below(bytes.size()), bytes.substr(at, size));
        break;
      case 4:
        bytes.resize(at);
        break;
    }
  }
  return bytes;
}

TEST_CASE("whatever the bytes, reading gives documents that are text or a typed error, and nothing else") {
  const std::string text = paragraphs(8) + "\r\n\r\n" + std::string(300, 'x');
  const std::string lines =
      jsonl({text, "zwei\t\"x\"", "\xF0\x9F\x98\x80"}) + R"({"a": [1, {"b": null}], "text": "\u00e4\ud83d\ude00"})" + "\n";
  const std::string nested = R"({"meta": {"text": "one"}})"
                             "\n"
                             R"({"meta.text": "two", "meta": 3})"
                             "\n"
                             R"({"meta": {"text": "three"}})";
  const std::vector<std::pair<std::string, std::string>> seeds{
      {"a.txt", text},         {"a.txt.gz", gzip(text)},    {"a.txt.zst", zstd(text)},    {"a.txt.xz", xz(text)},
      {"a.jsonl", lines},      {"a.jsonl.gz", gzip(lines)}, {"a.jsonl.zst", zstd(lines)}, {"a.jsonl.xz", xz(lines)},
      {"nested.jsonl", nested}};
  const Random random(2024, Purpose::kTest);
  std::uint64_t draw = 0;
  ReadOutcome all;
  for (const auto& [name, bytes] : seeds) {
    for (int i = 0; i < 1500; ++i) {
      const auto outcome = read_every_document(name, mutated(bytes, random, draw));
      all.documents += outcome.documents;
      all.errors += outcome.errors;
    }
  }
  CHECK(all.documents > 3000);  // mutations that leave the text readable, and such that do not
  CHECK(all.errors > 3000);
}

}  // namespace
}  // namespace peer::streams
