#include "streams/document_reader.h"

#include "peer/base/digest.h"
#include "tests/streams/corpus_files.h"
#include "tests/support/catch.h"

namespace peer::streams {
namespace {

std::vector<Document> documents_in(const std::string& path, const StreamOptions& options) {
  std::vector<Document> documents;
  const auto reader = open_documents(path, options);
  for (Document document; reader->next(document);) documents.push_back(document);
  return documents;
}

std::string joined(const std::vector<Document>& documents) {
  std::string text;
  for (const auto& document : documents) text += document.text;
  return text;
}

TEST_CASE("plain text is cut into documents that lose nothing, know their place and are not too long") {
  const CorpusFiles files;
  const std::string text = paragraphs(100);
  const auto path = files.write("a.txt", text);
  const auto documents = documents_in(path, options_from({path}));
  CHECK(documents.size() > 20);
  CHECK(joined(documents) == text);
  std::size_t offset = 0;
  for (const auto& document : documents) {
    CHECK(document.where == path + "@" + std::to_string(offset));
    CHECK(document.hash == hash64_of(document.text.data(), document.text.size()));
    CHECK(document.text.size() <= 512 + 256);
    CHECK(document.text.ends_with("\n\n"));  // the paragraphs are shorter than half a document
    offset += document.text.size();
  }
}

TEST_CASE("with document-bytes 0 a file is one document") {
  const CorpusFiles files;
  const std::string text = paragraphs(100);
  auto options = options_from({});
  options.document_bytes = 0;
  const auto documents = documents_in(files.write("a.txt", text), options);
  REQUIRE(documents.size() == 1);
  CHECK(documents[0].text == text);
  options.max_document_bytes = std::ssize(text) - 1;
  CHECK_THROWS_WITH(documents_in(files.path("a.txt"), options), Catch::Contains("a.txt: longer than"));
}

TEST_CASE("the same text gives the same documents plain, as gzip, as Zstandard and as xz, in one part or in several") {
  const CorpusFiles files;
  const std::string text = paragraphs(3000), half = text.substr(0, text.size() / 2), rest = text.substr(text.size() / 2);
  const auto options = options_from({});
  const auto plain = texts_of(documents_in(files.write("a.txt", text), options));
  CHECK(texts_of(documents_in(files.write("a.txt.gz", gzip(text)), options)) == plain);
  CHECK(texts_of(documents_in(files.write("a.txt.zst", zstd(text)), options)) == plain);
  CHECK(texts_of(documents_in(files.write("b.txt.gz", gzip(half) + gzip(rest)), options)) == plain);
  CHECK(texts_of(documents_in(files.write("b.txt.zst", zstd(half) + zstd(rest)), options)) == plain);
  CHECK(texts_of(documents_in(files.write("a.txt.xz", xz(text)), options)) == plain);
  CHECK(texts_of(documents_in(files.write("b.txt.xz", xz(half) + std::string(8, '\0') + xz(rest)), options)) == plain);
}

TEST_CASE("JSONL gives one document a line, plain, as gzip, as Zstandard and as xz") {
  const CorpusFiles files;
  const std::vector<std::string> texts{"first\nwith two lines", "zweite \"Zeile\" \\ ü", paragraphs(50)};
  const std::string lines = "\xEF\xBB\xBF\n" + jsonl(texts) + "  \r\n" + R"({"text": ""})" + "\n" + R"({"a": {"text": 1}, "text": "last"})";
  for (const auto& path : {files.write("a.jsonl", lines), files.write("a.jsonl.gz", gzip(lines)), files.write("a.jsonl.zst", zstd(lines)),
                           files.write("a.jsonl.xz", xz(lines))}) {
    const auto documents = documents_in(path, options_from({}));
    REQUIRE(documents.size() == 4);
    for (std::size_t i = 0; i < 3; ++i) CHECK(documents[i].text == texts[i]);
    CHECK(documents[0].where == path + ":2");
    CHECK(documents[3].text == "last");
    CHECK(documents[3].where == path + ":7");
  }
}

TEST_CASE("JSONL is known by its name in any case, or by --format; a text that only looks like it brings a hint") {
  const CorpusFiles files;
  const std::string lines = jsonl({"one", "two", "three"});
  for (const char* name : {"a.jsonl", "b.JSONL", "c.ndjson", "d.NdJson"})
    CHECK(Corpus(options_from({files.write(name, lines)}), kBytes).report().documents == 3);
  CHECK(Corpus(options_from({files.write("e.jsonl.gz", gzip(lines))}), kBytes).report().documents == 3);
  auto options = options_from({files.write("f.data", lines + std::string(300, 'x') + "\n")});
  const CorpusReport as_text = Corpus(options, kBytes).report();
  CHECK_THAT(format_hint(as_text), Catch::Contains("f.data") && Catch::Contains("--format jsonl"));
  options.from = {files.write("g.data", lines)};
  options.format = TextFormat::kJsonl;
  const CorpusReport as_jsonl = Corpus(options, kBytes).report();
  CHECK(as_jsonl.documents == 3);
  CHECK(format_hint(as_jsonl).empty());
  options.from = {files.write("h.jsonl", lines + std::string(300, 'x') + "\n")};
  options.format = TextFormat::kText;
  CHECK(Corpus(options, kBytes).report().bad == 0);
}

TEST_CASE("compressed text is known by its first bytes where its name says nothing") {
  const CorpusFiles files;
  const std::string lines = jsonl({"one", "two", "three"});
  CHECK(Corpus(options_from({files.write("a.jsonl", gzip(lines))}), kBytes).report().documents == 3);
  CHECK(Corpus(options_from({files.write("b.jsonl", zstd(lines))}), kBytes).report().documents == 3);
  CHECK(Corpus(options_from({files.write("c.gz.jsonl", zstd(lines))}), kBytes).report().documents == 3);
  CHECK(Corpus(options_from({files.write("c.zst.jsonl", xz(lines))}), kBytes).report().documents == 3);
  CHECK_THROWS_WITH(Corpus(options_from({files.write("d.gz", lines)}), kBytes), Catch::Contains("d.gz") && Catch::Contains("damaged gzip"));
}

TEST_CASE("a JSON array is told of, whether it is read as text or as JSONL") {
  const CorpusFiles files;
  const std::string array = "[\n  {\"text\": \"one\"},\n  {\"text\": \"two\"}\n]\n" + std::string(300, ' ') + "x\n";
  CHECK_THAT(format_hint(Corpus(options_from({files.write("a.json", array)}), kBytes).report()),
             Catch::Contains("JSON array") && Catch::Contains("jq"));
  CHECK_THROWS_WITH(Corpus(options_from({files.write("b.jsonl", "[{\"text\": \"one\"}]\n")}), kBytes),
                    Catch::Contains("b.jsonl:1") && Catch::Contains("JSON array"));
}

TEST_CASE("JSON objects over several lines are told of, whether they are read as text or as JSONL") {
  const CorpusFiles files;
  const std::string objects = "{\n  \"text\": \"one\"\n}\n{\n  \"text\": \"two\"\n}\n" + std::string(300, ' ') + "x\n";
  const auto hint_of = [](const std::string& path) { return format_hint(Corpus(options_from({path}), kBytes).report()); };
  CHECK_THAT(hint_of(files.write("a.json", objects)),
             Catch::Contains("a.json begins like a JSON object over several lines") && Catch::Contains("jq -c . makes"));
  CHECK_THAT(hint_of(files.write("b.json", "[\n" + objects)), Catch::Contains("JSON array"));
  files.write("code/settings.json", objects);
  CHECK(hint_of(files.path("code")).empty());
  CHECK(hint_of(files.write("c.tex", "{\n\\bf " + objects)).empty());
  for (const char* begin : {"{\n", "{ \r\n", "{\"id\": 7,\n", "{\"meta\": {\n"}) {
    const std::string bad = begin + objects.substr(2);
    CHECK_THROWS_WITH(Corpus(options_from({files.write("d.jsonl", bad)}), kBytes),
                      Catch::Contains("d.jsonl:1: ") && Catch::Contains("jq -c . writes each on one line"));
  }
  CHECK_THROWS_WITH(Corpus(options_from({files.write("e.jsonl", "{\"text\": \"cut")}), kBytes), !Catch::Contains("jq"));
}

TEST_CASE("a pattern where a file is expected brings --glob, and what was skipped is told of where too little is left") {
  const CorpusFiles files;
  files.write("a.txt", "x");
  CHECK_THROWS_WITH(Corpus(options_from({files.write("a.txt", "x") + "*"}), kBytes), Catch::Contains("--glob 'a.txt*'"));
  CHECK_THROWS_WITH(Corpus(options_from({files.write("b.jsonl", jsonl({"one"}) + "{\n{\n")}), kBytes),
                    Catch::Contains("too little") && Catch::Contains("2 bad documents skipped"));
}

TEST_CASE("another field can hold the text") {
  const CorpusFiles files;
  auto options = options_from({});
  options.text_field = "body";
  CHECK(joined(documents_in(files.write("a.jsonl", R"({"text": "no", "body": "yes"})"), options)) == "yes");
}

TEST_CASE("a field within fields can hold the text, and a name with a dot goes before it") {
  const CorpusFiles files;
  auto options = options_from({});
  options.text_field = "a.b.text";
  const auto read = [&](const std::string& line) { return joined(documents_in(files.write("a.jsonl", line), options)); };
  CHECK(read(R"({"text": "no", "a": {"text": "no", "b": {"text": "yes"}}})") == "yes");
  CHECK(read(R"({"a": {"b": {"text": "no"}}, "a.b.text": "yes"})") == "yes");
  CHECK_THROWS_WITH(read(R"({"a": {"b": {"txt": "x"}}})"),
                    Catch::Contains("a.jsonl:1: no field 'a.b.text' (did you mean 'a.b.txt'?); name the one"));
  CHECK_THROWS_WITH(read(R"({"c": {"b": {"text": "x"}}})"), Catch::Contains("no field 'a.b.text' (did you mean 'c.b.text'?)"));
  CHECK_THROWS_WITH(read(R"({"a": {"b": ["x"]}})"), Catch::Contains("field 'a.b' is no object, so there is no 'a.b.text'"));
  CHECK_THROWS_WITH(read(R"({"a": {"b": {"text": 7}}})"), Catch::Contains("field 'a.b.text' is not a string"));
  for (const char* name : {".", "a.", ".a", "a..b"}) {
    options.text_field = name;
    CHECK_THROWS_WITH(read(R"({"a": {"b": "x"}})"), Catch::Contains("no field '" + options.text_field + "'"));
  }
}

TEST_CASE("a bad line of JSONL says where and why, and the reader goes on behind it") {
  const CorpusFiles files;
  auto options = options_from({});
  options.max_document_bytes = 100;
  options.document_bytes = 100;
  const std::vector<std::pair<std::string, std::string>> lines{
      {R"({"text": "cut)", "expected a JSON object with a field 'text'"},
      {R"(["text"])", "another JSON value"},
      {R"({"txt": "a"})", "no field 'text' (did you mean 'txt'?)"},
      {R"({"text": 7})", "field 'text' is not a string"},
      {R"({"text": "a\u0000b"})", "byte 1 of the text is 0x00: binary"},
      {"{\"text\": \"stra\xDF"
       "e\"}",
       "byte 14 of the line is 0xDF: not UTF-8"},
      {R"({"text": ")" + std::string(300'000, 'x') + "\"}", "a line longer than 100 bytes"},
      {R"({"text": "a"} {"text": "b"})", "expected a JSON object"},
  };
  for (const auto& [line, why] : lines) {
    const auto path = files.write("a.jsonl", R"({"text": "before"})"
                                             "\n" +
                                                 line +
                                                 "\n"
                                                 R"({"text": "behind"})");
    const auto reader = open_documents(path, options);
    Document document;
    REQUIRE(reader->next(document));
    CHECK_THROWS_WITH(reader->next(document), Catch::Contains(path + ":2: ") && Catch::Contains(why));
    REQUIRE(reader->next(document));
    CHECK(document.text == "behind");
    CHECK(document.where == path + ":3");
    CHECK_FALSE(reader->next(document));
  }
}

TEST_CASE("truncated or damaged compression is an error that names the file, at whatever byte it happens") {
  const CorpusFiles files;
  const std::string text = paragraphs(20);
  for (const auto& [name, packed] :
       {std::pair{"a.txt.gz", gzip(text)}, std::pair{"a.txt.zst", zstd(text)}, std::pair{"a.txt.xz", xz(text)}})
    for (std::size_t size = 0; size < packed.size(); size += 1 + packed.size() / 97) {
      const auto path = files.write(name, packed.substr(0, size));
      CHECK_THROWS_WITH(documents_in(path, options_from({})), Catch::Contains(path + ": ends in the middle of its"));
    }
  CHECK_THROWS_WITH(documents_in(files.write("b.gz", text), options_from({})), Catch::Contains("b.gz: damaged gzip data"));
  CHECK_THROWS_WITH(documents_in(files.write("b.zst", text), options_from({})), Catch::Contains("b.zst: damaged zstd data"));
  CHECK_THROWS_WITH(documents_in(files.write("b.xz", text), options_from({})), Catch::Contains("b.xz: damaged xz data: not xz"));
  std::string flipped = xz(text);
  flipped[flipped.size() / 2] ^= 1;
  CHECK_THROWS_WITH(documents_in(files.write("c.xz", flipped), options_from({})), Catch::Contains("c.xz: damaged xz data"));
  CHECK_THROWS_WITH(documents_in(files.write("c.gz", gzip(text) + "\x1f\x8b\x08junk"), options_from({})),
                    Catch::Contains("c.gz: damaged gzip data"));
}

TEST_CASE("zeros after gzip and xz data are padding, and anything else there is told of with its place") {
  const CorpusFiles files;
  const std::string text = paragraphs(20), packed = gzip(text), zeros(100'000, '\0');
  const auto options = options_from({});
  for (const auto& bytes : {packed + '\0', packed + zeros, packed + zeros + gzip("")})
    CHECK(joined(documents_in(files.write("a.gz", bytes), options)) == text);
  CHECK(joined(documents_in(files.write("b.gz", packed + zeros + packed), options)) == text + text);
  CHECK(joined(documents_in(files.write("b.xz", xz(text) + zeros), options)) == text);
  const auto refuses = [&](const std::string& name, const std::string& bytes, std::size_t at) {
    CHECK_THROWS_WITH(documents_in(files.write(name, bytes), options), Catch::Contains(name + ": something else follows the") &&
                                                                           Catch::Contains(" data at byte " + std::to_string(at) + ";"));
  };
  refuses("c.gz", packed + "junk", packed.size());
  refuses("d.gz", packed + zeros + "j", packed.size() + zeros.size());
  refuses("e.gz", packed + zstd(text), packed.size());
  refuses("f.xz", xz(text) + "junk", xz(text).size());
  refuses("f.zst", zstd(text) + packed, zstd(text).size());
  refuses("g.zst", zstd(text) + '\0', zstd(text).size());  // zstd pads with skippable frames alone
  CHECK_THROWS_WITH(documents_in(files.write("h.gz", packed + "\x1f"), options), Catch::Contains("h.gz: ends in the middle"));
}

TEST_CASE("skippable frames of Zstandard are no text, wherever they stand, and say that the file is Zstandard") {
  const CorpusFiles files;
  const std::string text = paragraphs(20), skippable("\x5a\x2a\x4d\x18\x03\0\0\0abc", 11);
  const auto options = options_from({});
  for (const auto& bytes : {skippable + zstd(text), zstd(text) + skippable, skippable + skippable + zstd(text) + skippable})
    CHECK(joined(documents_in(files.write("a.txt", bytes), options)) == text);
  CHECK_THROWS_WITH(documents_in(files.write("b.txt", zstd(text) + skippable.substr(0, 10)), options), Catch::Contains("in the middle"));
}

TEST_CASE("data that ask for more memory than a corpus is given are refused with a way round it") {
  const CorpusFiles files;
  std::string packed = zstd(paragraphs(2000)).substr(0, 4) + std::string("\x00\xa0", 2);  // a window of 1 GiB
  CHECK_THROWS_WITH(documents_in(files.write("a.zst", packed + std::string(100, 'x')), options_from({})),
                    Catch::Contains("a.zst: its zstd data ask for more than 128 MiB") && Catch::Contains("zstd -dc --long=31"));
  CHECK_THROWS_WITH(documents_in(files.write("a.xz", xz(paragraphs(2), 256 << 20)), options_from({})),
                    Catch::Contains("a.xz: its xz data ask for more than 128 MiB") && Catch::Contains("xz -dc"));
}

}  // namespace
}  // namespace peer::streams
