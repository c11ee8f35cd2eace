#include "streams/batch_stream.h"

#include <atomic>
#include <cstdlib>
#include <map>
#include <new>

#include "streams/tokenizer/byte_tokenizer.h"
#include "tests/streams/corpus_files.h"
#include "tests/support/catch.h"
#include "tests/support/letter_pairs.h"

namespace {
std::atomic<std::int64_t> allocations = 0;
}

// Counted for the whole test program.
void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {  // or a sanitizer pairs its own with our delete
  ++allocations;
  return std::malloc(size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace peer::streams {
namespace {

using Tokens = std::vector<std::int32_t>;

std::vector<Document> documents_of(const std::vector<std::string>& texts) {
  std::vector<Document> documents;
  for (const auto& text : texts) documents.push_back({text, "", 0});
  return documents;
}

// Texts of several lengths, no two of which share a window.
std::vector<Document> sample_documents(int count = 40) {
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) texts.push_back(paragraphs(1 + i % 5, static_cast<std::uint64_t>(i)));
  return documents_of(texts);
}

std::int64_t ring_size(const std::vector<Document>& documents) {
  std::int64_t size = 0;
  for (const auto& document : documents) size += 1 + std::ssize(document.text);
  return size;
}

std::vector<Tokens> batches(BatchStream& stream, int count) {
  std::vector<Tokens> out;
  for (int i = 0; i < count; ++i) out.push_back(stream.next().tokens);
  return out;
}

std::map<std::int32_t, std::int64_t> histogram(const std::vector<Document>& documents) {
  std::map<std::int32_t, std::int64_t> count{{ByteTokenizer::kEndOfDocument, std::ssize(documents)}};
  for (const auto& document : documents)
    for (unsigned char byte : document.text) ++count[byte];
  return count;
}

TEST_CASE("windows are the packed documents, overlapping by one token, in order when the shuffle is off") {
  const auto documents = documents_of({"abc", "de"});
  BatchStream stream(documents, kBytes, 1);
  stream.start(2, 3, 1, 0);
  const std::int32_t eod = ByteTokenizer::kEndOfDocument;
  const Batch& first = stream.next();
  CHECK(first.rows == 2);
  CHECK(first.length == 3);
  CHECK(first.tokens == Tokens{eod, 'a', 'b', 'c', 'c', eod, 'd', 'e'});
  CHECK(first.bytes == 5);
  CHECK(stream.next().tokens == Tokens{'e', eod, 'a', 'b', 'b', 'c', eod, 'd'});  // the text goes on where the epoch ends
  CHECK(stream.batches() == 2);
  CHECK(stream.epoch() == 2);
}

TEST_CASE("a text shorter than a window repeats until the window is full") {
  const auto documents = documents_of({"ab"});
  BatchStream stream(documents, kBytes, 100);
  stream.start(2, 7, 1, 0);
  const Batch& batch = stream.next();
  const std::int32_t eod = ByteTokenizer::kEndOfDocument;
  CHECK(Tokens(batch.tokens.begin(), batch.tokens.begin() + 8) == Tokens{eod, 'a', 'b', eod, 'a', 'b', eod, 'a'});
  CHECK(Tokens(batch.tokens.begin() + 8, batch.tokens.end()) == Tokens{'a', 'b', eod, 'a', 'b', eod, 'a', 'b'});
  CHECK(batch.bytes == 5 + 5);
}

TEST_CASE("where tokens are pieces of words, windows hold tokens and count the bytes that these stand for") {
  const auto documents = documents_of({"abcdx", "dd"});
  const test::LetterPairs pairs;
  const std::int32_t eod = pairs.end_of_document(), ab = 257 + 1, cd = 257 + 4 * 2 + 3, dd = 257 + 4 * 3 + 3;
  BatchStream stream(documents, pairs, 1);
  stream.start(2, 3, 1, 0);
  CHECK(stream.tokens() == 6);
  CHECK(stream.next().tokens == Tokens{eod, ab, cd, 'x', 'x', eod, dd, eod});
  CHECK(stream.next().bytes == 5 + 2);

  const CorpusFiles files;
  StreamOptions options = options_from({files.write("a.txt", "ababab")});
  options.test = {files.write("b.txt", "held out")};
  const Corpus corpus(options, pairs);
  CHECK(corpus.training_tokens() == 4);
  CHECK(corpus.bytes_a_token() == 6.0 / 4);
}

TEST_CASE("every token is a target exactly once an epoch, but for fewer than T of the last") {
  const auto documents = sample_documents();
  const std::int64_t size = ring_size(documents), length = GENERATE(1, 16, 129);
  const std::int64_t windows = size / length;
  BatchStream stream(documents, kBytes, GENERATE(1, 8, 100'000));
  stream.start(1, length, 5, 0);
  for (int epoch = 0; epoch < 3; ++epoch) {
    CHECK(stream.epoch() == epoch);
    auto left = histogram(documents);
    for (std::int64_t i = 0; i < windows; ++i) {
      const auto& tokens = stream.next().tokens;
      for (std::size_t t = 1; t < tokens.size(); ++t) --left[tokens[t]];
    }
    std::int64_t missed = 0;
    for (const auto& [token, count] : left) {
      CHECK(count >= 0);
      missed += count;
    }
    CHECK(missed == size - windows * length);
    CHECK(missed < length);
  }
}

TEST_CASE("bytes counts the targets that are text") {
  const auto documents = sample_documents();
  BatchStream stream(documents, kBytes, 64);
  stream.start(4, 32, 3, 0);
  for (int i = 0; i < 20; ++i) {
    const Batch& batch = stream.next();
    std::int64_t bytes = 0;
    for (std::size_t at = 0; at < batch.tokens.size(); ++at) bytes += at % 33 != 0 && batch.tokens[at] < 256;
    CHECK(batch.bytes == bytes);
  }
}

TEST_CASE("the same seed gives the same batches, another seed and another epoch others") {
  const auto documents = sample_documents();
  BatchStream a(documents, kBytes, 50), b(documents, kBytes, 50), c(documents, kBytes, 50);
  a.start(2, 64, 1, 0);
  b.start(2, 64, 1, 0);
  c.start(2, 64, 2, 0);
  const auto first = batches(a, 300);
  CHECK(batches(b, 300) == first);
  CHECK(batches(c, 300) != first);
  REQUIRE(a.epoch() >= 1);
  BatchStream whole(documents, kBytes, 50);
  whole.start(1, 64, 1, 0);
  const int windows = static_cast<int>(ring_size(documents) / 64);
  const auto epoch0 = batches(whole, windows);
  CHECK(batches(whole, windows) != epoch0);
}

TEST_CASE("a stream resumed at any batch gives the batches of an uninterrupted one, over several epochs") {
  const auto documents = sample_documents(12);
  const std::int64_t shuffle_windows = GENERATE(1, 7, 10'000), rows = GENERATE(1, 3, 50);
  BatchStream whole(documents, kBytes, shuffle_windows);
  whole.start(rows, 48, 9, 0);
  const auto expected = batches(whole, 400);
  REQUIRE(whole.epoch() >= 2);
  for (std::int64_t at = 0; at < 400; ++at) {
    BatchStream resumed(documents, kBytes, shuffle_windows);
    resumed.start(rows, 48, 9, at);
    CHECK(resumed.batches() == at);
    CHECK(resumed.next().tokens == expected[static_cast<std::size_t>(at)]);
  }
}

TEST_CASE("a corpus resumes from its cursor, and refuses the cursor of another corpus") {
  const CorpusFiles files;
  const auto options = options_from({files.write("a.txt", paragraphs(100))});
  Corpus whole(options, kBytes), resumed(options, kBytes);
  Cursor cursor;
  cursor.seed = 4;
  whole.start(4, 32, cursor);
  for (int i = 0; i < 130; ++i) whole.next();
  resumed.start(4, 32, whole.cursor());
  CHECK(resumed.epoch() == whole.epoch());
  for (int i = 0; i < 130; ++i) CHECK(resumed.next().tokens == whole.next().tokens);
  CHECK(resumed.cursor().batches == 260);
  CHECK(resumed.cursor().seed == 4);

  Corpus other(options_from({files.write("b.txt", paragraphs(100, 2))}), kBytes);
  CHECK_THROWS_AS(other.start(4, 32, whole.cursor()), UsageError);
  CHECK_THROWS_WITH(other.start(4, 32, whole.cursor()), Catch::Contains("the corpus is not the one the run started with"));
}

TEST_CASE("the next batch allocates nothing, whatever epochs begin") {
  const auto documents = sample_documents();
  BatchStream stream(documents, kBytes, 100);
  stream.start(16, 128, 1, 0);
  stream.next();
  const auto before = allocations.load();
  while (stream.epoch() < 3) stream.next();
  CHECK(allocations.load() == before);
}

}  // namespace
}  // namespace peer::streams
