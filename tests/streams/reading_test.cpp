#include "streams/reading.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "tests/streams/corpus_files.h"
#include "tests/support/catch.h"

namespace peer::streams {
namespace {

class ToldProgress final : public Progress {
 public:
  void update(const std::string& task, std::int64_t done, std::int64_t total, const std::string& detail) override {
    told.push_back(task + " " + std::to_string(done) + " " + std::to_string(total) + " " + detail);
  }
  void note(const std::string&) override {}
  std::vector<std::string> told;
};

// Whether a corpus from `path` can be stopped while it is read.
bool stops(const std::string& path) {
  std::atomic<bool> stop = false;
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    stop = true;
  });
  bool stopped = false;
  try {
    const Corpus corpus(options_from({path}), kBytes, {}, {.stop = &stop});
  } catch (const ReadingStopped&) {
    stopped = true;
  }
  stopper.join();
  return stopped;
}

TEST_CASE("the reading of a pipe can be stopped: one that gives text without end, one that gives nothing, one without a writer") {
  const CorpusFiles files;
  const auto fifo = files.path("pipe.txt");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(stops(fifo));
  const int silent = ::open(fifo.c_str(), O_RDWR | O_CLOEXEC);
  CHECK(stops(fifo));
  ::close(silent);
  std::FILE* endless = ::popen(("exec yes >'" + fifo + "'").c_str(), "r");
  CHECK(stops(fifo));
  ::pclose(endless);
}

TEST_CASE("a reading that is stopped counts no file as bad, though it lies below a directory") {
  const CorpusFiles files;
  const auto path = files.write("d/a.txt", paragraphs(20));
  const std::atomic<bool> stop = true, go_on = false;
  for (const auto& from : {path, files.path("d")}) {
    CHECK_THROWS_AS(Corpus(options_from({from}), kBytes, {}, {.stop = &stop}), ReadingStopped);
    CHECK_THROWS_AS(read_whole(options_from({from}), {.stop = &stop}), ReadingStopped);
    CHECK(Corpus(options_from({from}), kBytes, {}, {.stop = &go_on}).report().bad == 0);
  }
}

TEST_CASE("a long text tells how much of it was read, a short one nothing") {
  const CorpusFiles files;
  ToldProgress progress;
  const Corpus small(options_from({files.write("small.txt", paragraphs(100))}), kBytes, {}, {.progress = &progress});
  CHECK(progress.told.empty());
  auto options = options_from({files.write("long.txt.gz", gzip(std::string(40'000'000, 'x') + "\n" + paragraphs(100)))});
  options.document_bytes = 1'000'000;
  const Corpus corpus(options, kBytes, {}, {.progress = &progress});
  REQUIRE(progress.told.size() == 9);
  CHECK(progress.told.front() == "read 32 0 documents, 32 MB");
  CHECK(progress.told.back() == "read 40 0 documents, 40 MB");
}

}  // namespace
}  // namespace peer::streams
