#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "tests/streams/corpus_files.h"
#include "tests/streams/peak_memory.h"
#include "tests/support/catch.h"

namespace peer::streams {
namespace {

void check_line(const std::string& error, const std::vector<std::string>& parts) {
  for (const auto& part : parts) CHECK_THAT(error, Catch::Contains(part));
  CHECK(error.find('\n') == error.npos);
}

// Runs `body` with stdin reading from `bytes`.
template <class Body>
void with_stdin(const std::string& bytes, Body&& body) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const int saved = ::dup(STDIN_FILENO);
  ::dup2(ends[0], STDIN_FILENO);
  ::close(ends[0]);
  std::thread writer([&] {
    for (std::size_t done = 0; done < bytes.size();) {
      const auto wrote = ::write(ends[1], bytes.data() + done, std::min<std::size_t>(bytes.size() - done, 1000));
      if (wrote <= 0) break;
      done += static_cast<std::size_t>(wrote);
    }
    ::close(ends[1]);
  });
  body();
  writer.join();
  ::dup2(saved, STDIN_FILENO);
  ::close(saved);
}

TEST_CASE("a named file that is empty, blank, binary or not UTF-8 is refused with the place and a way out") {
  const CorpusFiles files;
  const auto error = [&](const std::string& name, std::string_view bytes) { return error_of(options_from({files.write(name, bytes)})); };
  check_line(error("empty.txt", ""), {"empty.txt: holds no text"});
  check_line(error("blank.txt", " \n\n\t\n"), {"blank.txt: holds no text"});
  check_line(error("blank.jsonl", "\n\n"), {"blank.jsonl: holds no text"});
  check_line(error("a.bin", paragraphs(3) + std::string(3, '\0')), {"a.bin: byte ", " is 0x00: a binary file", "Zstandard"});
  check_line(error("latin.txt", paragraphs(30) + "stra\xDF"
                                                 "e\n"),
             {"latin.txt: byte " + std::to_string(paragraphs(30).size() + 4) + " is 0xDF: not UTF-8", "iconv"});
  check_line(error("bad.jsonl", "{\"text\": 1}\n[]\n"), {"bad.jsonl:1: field 'text' is not a string"});
  check_line(error("cut.txt.gz", gzip(paragraphs(30)).substr(0, 200)), {"cut.txt.gz: ends in the middle of its gzip data"});
  check_line(error_of(options_from({files.path("none.txt")})), {"none.txt: cannot be read: No such file or directory"});
}

TEST_CASE("a named file that is bad is an error beside good ones, too") {
  const CorpusFiles files;
  const auto good = files.write("a.txt", paragraphs(20));
  check_line(error_of(options_from({good, files.write("b.bin", std::string(100, '\0'))})), {"b.bin: byte 0 is 0x00"});
  check_line(error_of(options_from({good, files.write("c.txt",
                                                      "stra\xDF"
                                                      "e\n")})),
             {"c.txt: byte 4 is 0xDF"});
  check_line(error_of(options_from({good, files.write("d.txt", "")})), {"d.txt: holds no text"});
}

TEST_CASE("bad lines of a named JSONL file are counted, and stop the reading when strict") {
  const CorpusFiles files;
  auto options = options_from({files.write("a.jsonl", jsonl({"one", "two"}) + "{\n{}\n" + jsonl({"three"}))});
  const Corpus corpus(options, kBytes);
  CHECK(corpus.report().documents == 3);
  CHECK(corpus.report().bad == 2);
  check_line(corpus.report().first_bad, {"a.jsonl:3: expected a JSON object"});
  options.strict = true;
  check_line(error_of(options), {"a.jsonl:3: expected a JSON object"});
}

TEST_CASE("bad files of a directory are passed over whole and counted, and stop the reading when strict") {
  const CorpusFiles files;
  files.write("d/a.txt", paragraphs(20, 1));
  files.write("d/b.bin", paragraphs(20, 2) + std::string(100, '\0'));  // text at first
  files.write("d/c.gz", gzip(paragraphs(2000, 3)).substr(0, 20'000));
  files.write("d/d.txt", "");
  const std::string latin = paragraphs(20, 4) +
                            "stra\xDF"
                            "e\n\n";
  files.write("d/e.txt", latin);
  auto options = options_from({files.path("d")});
  const Corpus corpus(options, kBytes);
  CHECK(corpus.report().files == 2);
  CHECK(corpus.report().bad == 3);
  check_line(corpus.report().first_bad, {"d/b.bin: byte "});
  CHECK(corpus.report().bytes > std::ssize(paragraphs(20, 1)) + std::ssize(latin) - 1024);  // of e.txt all but one document
  CHECK(corpus.report().bytes < std::ssize(paragraphs(20, 1)) + std::ssize(latin));
  options.strict = true;
  check_line(error_of(options), {"d/b.bin: byte "});
}

TEST_CASE("a directory of bad files says what was wrong with the first") {
  const CorpusFiles files;
  files.write("d/a.bin", std::string(100, '\0'));
  check_line(error_of(options_from({files.path("d")})), {"no readable document among 1 bad ones", "a.bin: byte 0 is 0x00"});
}

TEST_CASE("stdin is read like a file, from a pipe that gives little at a time") {
  const CorpusFiles files;
  const std::string text = paragraphs(300);
  const auto plain = read_all(options_from({files.write("a.txt", text)}));
  with_stdin(text, [&] { CHECK(read_all(options_from({"-"})) == plain); });
  with_stdin("", [&] { check_line(error_of(options_from({"-"})), {"stdin: holds no text"}); });
}

TEST_CASE("a named pipe is read like a file") {
  const CorpusFiles files;
  const std::string text = paragraphs(100);
  const auto fifo = files.path("pipe.txt.zst");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  std::thread writer([&] { files.write("pipe.txt.zst", zstd(text)); });
  CHECK(read_all(options_from({fifo})) == read_all(options_from({files.write("a.txt", text)})));
  writer.join();
}

TEST_CASE("a line of 100 MB is refused with its place, or cut between characters when it is allowed") {
  const CorpusFiles files;
  std::string line;
  while (line.size() < 100'000'000) line += "größer ";
  auto options = options_from({files.write("long.txt", "first line\n" + line)});
  check_line(error_of(options), {"long.txt: byte 11: a line longer than 67108864 bytes", "--max-document-bytes"});
  check_line(error_of(options_from({files.write("long.jsonl", jsonl({line}))})), {"long.jsonl:1: a line longer than 67108864 bytes"});
  options.max_document_bytes = 200'000'000;
  const Corpus corpus(options, kBytes);
  CHECK(corpus.report().bad == 0);
  CHECK(corpus.report().duplicates > 100'000);
}

TEST_CASE("passing over a long line takes the memory of the longest line allowed") {
  const CorpusFiles files;
  const auto path = files.write("a.jsonl.gz", gzip(jsonl({"before", std::string(100'000'000, 'x'), "behind"})));
  auto options = options_from({path});
  options.max_document_bytes = 1 << 20;
  const auto kilobytes = peak_growth_kilobytes([&] {
    const Corpus corpus(options, kBytes);
    CHECK(corpus.report().documents == 2);
    check_line(corpus.report().first_bad, {"a.jsonl.gz:2: a line longer than 1048576 bytes"});
  });
  CHECK(kilobytes < 10'000);
}

TEST_CASE("a decompression bomb of lines costs time but no memory") {
  const CorpusFiles files;
  for (const auto& path : {files.write("bomb.txt.gz", gzip(std::string(100'000'000, '\n') + paragraphs(10))),
                           files.write("bomb.txt.zst", zstd(std::string(100'000'000, '\n') + paragraphs(10))),
                           files.write("bomb.txt.xz", xz(std::string(100'000'000, '\n') + paragraphs(10)))})
    CHECK(peak_growth_kilobytes([&] { CHECK_FALSE(read_all(options_from({path})).empty()); }) < 10'000);
}

TEST_CASE("options that cannot be meant are refused by name") {
  const CorpusFiles files;
  const auto path = files.write("a.txt", paragraphs(10));
  const auto refuses = [&](auto&& change, const char* name) {
    auto options = options_from({path});
    change(options);
    CHECK_THROWS_WITH(Corpus(options, kBytes), Catch::Contains(name));
    CHECK_THROWS_AS(Corpus(options, kBytes), UsageError);
  };
  refuses([](StreamOptions& o) { o.from.clear(); }, "'from'");
  refuses([](StreamOptions& o) { o.held_out_share = 1.0; }, "'held-out-share'");
  refuses([](StreamOptions& o) { o.document_bytes = 5; }, "'document-bytes'");
  refuses([](StreamOptions& o) { o.max_document_bytes = 0; }, "'max-document-bytes'");
  refuses([](StreamOptions& o) { o.shuffle_windows = 0; }, "'shuffle-windows'");
  refuses([](StreamOptions& o) { o.max_bytes = -1; }, "'max-bytes'");
}

}  // namespace
}  // namespace peer::streams
