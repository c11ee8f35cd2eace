#include "streams/split.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "peer/base/digest.h"
#include "tests/streams/corpus_files.h"
#include "tests/support/catch.h"

namespace peer::streams {
namespace {

std::set<std::string> set_of(const std::vector<Document>& documents) {
  const auto texts = texts_of(documents);
  return {texts.begin(), texts.end()};
}

TEST_CASE("the split is by document, disjoint, complete and near its share") {
  const CorpusFiles files;
  const std::string text = paragraphs(6000);
  auto options = options_from({files.write("a.txt", text)});
  options.held_out_share = 0.2;
  const Corpus corpus(options, kBytes);
  const auto training = set_of(corpus.training()), held_out = set_of(corpus.held_out());
  for (const auto& document : held_out) CHECK(training.count(document) == 0);
  const auto& report = corpus.report();
  CHECK(report.bytes == std::ssize(text));
  CHECK(report.documents == std::ssize(corpus.training()) + std::ssize(corpus.held_out()));
  CHECK(report.held_out_documents == std::ssize(corpus.held_out()));
  CHECK(static_cast<double>(report.held_out_bytes) / static_cast<double>(report.bytes) == Approx(0.2).margin(0.04));
}

TEST_CASE("the split does not change when files are renamed, reordered, compressed or added") {
  const CorpusFiles files;
  std::vector<std::string> texts;
  for (int i = 0; i < 200; ++i) texts.push_back(paragraphs(1, static_cast<std::uint64_t>(i)));
  const Corpus one(options_from({files.write("a.jsonl", jsonl(texts))}), kBytes);
  std::reverse(texts.begin(), texts.end());
  const Corpus other(options_from({files.write("b.jsonl.gz", gzip(jsonl(texts))), files.write("c.txt", "one more line\n")}), kBytes);
  CHECK(set_of(one.held_out()) == set_of(other.held_out()));
  CHECK(one.held_out().size() > 2);
}

TEST_CASE("given test documents are held out, and not trained on") {
  const CorpusFiles files;
  auto options = options_from({files.write("a.jsonl", jsonl({"one", "two", "three"}))});
  options.test = {files.write("t.jsonl", jsonl({"two", "four"}))};
  const Corpus corpus(options, kBytes);
  CHECK(set_of(corpus.training()) == std::set<std::string>{"one", "three"});
  CHECK(set_of(corpus.held_out()) == std::set<std::string>{"two", "four"});
  CHECK(corpus.report().duplicates == 1);
  CHECK(corpus.report().documents == 4);
  options.test = options.from;
  CHECK_THAT(error_of(options), Catch::Contains("nothing is left to train on"));
}

TEST_CASE("exact duplicates are kept once") {
  const CorpusFiles files;
  const Corpus corpus(options_from({files.write("a.jsonl", jsonl({"one", "two", "one"})), files.write("b.jsonl", jsonl({"two"}))}), kBytes);
  CHECK(corpus.report().documents == 2);
  CHECK(corpus.report().duplicates == 2);
}

TEST_CASE("neither side of a split of two documents is empty, whatever the share") {
  for (double share : {0.0, 0.05, 0.999}) {
    const CorpusFiles files;
    auto options = options_from({files.write("a.jsonl", jsonl({"one", "two"}))});
    options.held_out_share = share;
    const Corpus corpus(options, kBytes);
    CHECK(corpus.training().size() == 1);
    CHECK(corpus.held_out().size() == 1);
  }
}

TEST_CASE("a single document is cut in two at a line end, unless it is too small") {
  const CorpusFiles files;
  const std::string text = paragraphs(4);
  auto options = options_from({files.write("a.txt", text)});
  options.document_bytes = 8192;
  const Corpus corpus(options, kBytes);
  REQUIRE(corpus.training().size() == 1);
  REQUIRE(corpus.held_out().size() == 1);
  CHECK(corpus.training()[0].text + corpus.held_out()[0].text == text);
  CHECK(corpus.training()[0].text.ends_with('\n'));
  CHECK(corpus.held_out()[0].where == corpus.training()[0].where + "+" + std::to_string(corpus.training()[0].text.size()));
  files.write("a.txt", "one\ntwo\n");
  CHECK_THAT(error_of(options), Catch::Contains("too little to hold out") && Catch::Contains("--test PATH"));
  files.write("a.txt", std::string(1000, 'x') + "\n");
  CHECK_THAT(error_of(options), Catch::Contains("too little to hold out"));
}

TEST_CASE("a text that is read whole is not split: one document is enough, and many keep their order") {
  const CorpusFiles files;
  auto options = options_from({files.write("a.txt", "one\ntwo\n")});
  const WholeText one = read_whole(options);
  CHECK(texts_of(one.documents) == std::vector<std::string>{"one\ntwo\n"});
  CHECK(one.report.documents == 1);
  CHECK(one.report.bytes == 8);
  options.from = {files.write("b.jsonl", jsonl({"c", "a", "b", "a"}))};
  const WholeText several = read_whole(options);
  CHECK(texts_of(several.documents) == std::vector<std::string>{"c", "a", "b"});
  CHECK(several.report.duplicates == 1);
  options.from = {files.write("c.txt", "\n")};
  CHECK_THROWS_AS(read_whole(options), CorpusError);
  options.from = {};
  CHECK_THROWS_AS(read_whole(options), UsageError);
}

TEST_CASE("max-bytes bounds the text that is kept, in reading order") {
  const CorpusFiles files;
  const std::string text = paragraphs(100);
  auto options = options_from({files.write("a.txt", text), files.write("b.txt", paragraphs(100, 2))});
  options.max_bytes = 2000;
  const auto texts = read_all(options);
  const auto bytes = Corpus(options, kBytes).report().bytes;
  CHECK(bytes <= 2000);
  CHECK(bytes > 1400);
  for (const auto& part : texts) CHECK(text.find(part) != text.npos);
}

TEST_CASE("max-bytes counts neither duplicates nor a file that was forgotten because it is damaged") {
  const CorpusFiles files;
  const std::string first = paragraphs(20, 1), second = paragraphs(20, 2);
  auto options = options_from({files.write("a.jsonl", jsonl({first, first, first, second}))});
  options.max_bytes = std::ssize(first) + std::ssize(second);
  const auto kept = [&] {
    const auto texts = read_all(options);
    return std::set<std::string>(texts.begin(), texts.end());
  };
  CHECK(kept() == std::set<std::string>{first, second});

  files.write("in/a.txt.gz", gzip(paragraphs(40, 3)).substr(0, 600));
  const std::filesystem::path good = files.write("in/b.jsonl", jsonl({first, second}));
  options.from = {good.parent_path()};
  CHECK(kept() == std::set<std::string>{first, second});
}

TEST_CASE("documents that are kept out are not trained on, whole or in part, and the corpus says how many") {
  const CorpusFiles files;
  std::vector<std::string> texts;
  for (int i = 0; i < 20; ++i) texts.push_back(paragraphs(3, static_cast<std::uint64_t>(i)));
  auto options = options_from({files.write("a.jsonl", jsonl(texts))});
  options.held_out_share = 0.1;
  const Corpus whole(options, kBytes);
  const std::vector<Document>& training = whole.training();
  REQUIRE(training.size() > 4);
  std::vector<Document> kept_out(training.begin(), training.begin() + 3);
  kept_out[1].text.resize(kept_out[1].text.size() / 2);
  kept_out[2].text.erase(0, kept_out[2].text.size() / 2);
  for (Document& document : kept_out) document.hash = hash64_of(document.text.data(), document.text.size());
  const Corpus rest(options, kBytes, kept_out);
  CHECK(rest.report().kept_out == 3);
  CHECK(set_of(rest.held_out()) == set_of(whole.held_out()));
  CHECK(set_of(rest.training()) == set_of({training.begin() + 3, training.end()}));
  CHECK_THROWS_WITH(Corpus(options, kBytes, training), Catch::Contains("nothing is left to train on"));
}

TEST_CASE("a held-out text of a few bytes keeps out its equals alone") {
  std::vector<Document> training = {{"ab", "1", hash64_of("ab", 2)}, {"abc", "2", hash64_of("abc", 3)}};
  CHECK(drop_held_out(training, {{"ab", "t", hash64_of("ab", 2)}}) == 1);
  REQUIRE(training.size() == 1);
  CHECK(training[0].text == "abc");
}

}  // namespace
}  // namespace peer::streams
