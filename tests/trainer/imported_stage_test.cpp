// Stages on a model whose tokens are pieces of words: what is trained, scored and written goes through the pool's own tokenizer.
#include <cmath>

#include "peer/model/sample.h"
#include "tests/support/catch.h"
#include "tests/support/llama_folder.h"
#include "tests/trainer/small_world.h"
#include "trainer/evaluation/evaluate.h"
#include "trainer/evaluation/remembered_scores.h"
#include "trainer/import/import_model.h"
#include "trainer/state/held_out.h"
#include "trainer/state/stored_tokenizer.h"
#include "trainer/state/views.h"
#include "trainer/strategies/self_text.h"

using namespace peer;
using namespace peer::trainer;
using namespace peer::trainer::test;

namespace {

// Tokens 257 and up: "th", "the", "in", " s", " se".
LlamaFolder with_merges() {
  LlamaFolder folder;
  auto& model = folder.tokenizer["model"];
  std::int64_t next = 257;
  for (const auto& [left, right] :
       std::vector<std::pair<std::string, std::string>>{{"t", "h"}, {"th", "e"}, {"i", "n"}, {"\u0120", "s"}, {"\u0120s", "e"}}) {
    model["vocab"][left + right] = next++;
    model["merges"].push_back(left + " " + right);
  }
  return folder;
}

struct Imported {
  SmallWorld world;
  std::string pool = world / "pool";
  Imported() { import_to(pool); }
  void import_to(const std::string& path) const {
    SilentProgress progress;
    const std::atomic<bool> stop{false};
    const ModelFolder folder({.model = with_merges().write(world / "model")});
    import_model(path, folder, folder.config.model, tiny_delta(), {}, 1, test_device(), kThreads, progress, stop);
  }
};

}  // namespace

TEST_CASE("stages on an imported model train and score its own tokens, and bits are of the text's bytes") {
  const Imported imported;
  Session session = SmallWorld::open(imported.pool);
  const streams::Tokenizer& tokenizer = *session.loaded.tokenizer;
  CHECK_FALSE(tokenizer.is_bytes());
  SmallWorld::run(session, imported.world.options(1, 40));
  SmallWorld::run(session, imported.world.options(2, 8));
  const History& history = session.loaded.history;
  for (const DomainRecord& domain : history.domains) {
    const auto documents = read_held_out(session.pool, domain);
    std::int64_t bytes = 0;
    std::size_t tokens = 0;
    for (const auto& document : documents) {
      std::vector<std::int32_t> of_text;
      tokenizer.append(document.text, of_text);
      bytes += std::ssize(document.text), tokens += of_text.size();
      CHECK(streams::bytes_of(tokenizer, of_text.data(), std::ssize(of_text)) == std::ssize(document.text));
    }
    if (domain.name == "code") CHECK(tokens < static_cast<std::size_t>(bytes));  // or nothing here is tested
    const auto views = all_views(session.loaded.model);
    const DomainScore anew = score_domain(session.ctx, session.loaded.language(), views, documents, imported.world.options(0).evaluate, {});
    CHECK(bits_per_byte(anew.mixture) == Approx(history.stages.back().loss.at(domain.name)).epsilon(1e-6));
    const Records none;
    const ViewScores known =
        RememberedScores(session, imported.world.options(0).evaluate, {}, none).known(views, domain.held_out, documents);
    CHECK(known.size() >= 2);  // read back, so that its number of tokens was right
  }
  CHECK(history.loss(1, "code") < history.loss(0, "code") - 1);  // learnt, from a model of random numbers
}

TEST_CASE("an interrupted stage on an imported model is resumed to the same bits") {
  const Imported imported;
  const std::string cut = imported.world / "cut";
  imported.import_to(cut);
  {
    Session whole = SmallWorld::open(imported.pool);
    SmallWorld::run(whole, imported.world.options(1));
    Session stopped = SmallWorld::open(cut);
    CHECK(SmallWorld::run(stopped, imported.world.options(1), 9).interrupted);
  }
  Session resumed = SmallWorld::open(cut, kResume);
  SmallWorld::run(resumed, imported.world.options(1));
  const Session whole = SmallWorld::open(imported.pool, kHead, pool::Access::kRead);
  CHECK(resumed.generation.content == whole.generation.content);
}

TEST_CASE("what a view writes is text of its tokens, also where it is kept to be learnt from") {
  const Imported imported;
  Session session = SmallWorld::open(imported.pool);
  SmallWorld::run(session, imported.world.options(1, 60));
  std::size_t bytes = 0;
  for (const auto& document : write_self_text(session.ctx, session.loaded.language(), 1, 6000, 1)) {
    CHECK_FALSE(document.text.empty());
    bytes += document.text.size();
  }
  CHECK(bytes > 1500);  // 2,000 tokens and more, some of them ends of documents
}

TEST_CASE("a pool whose tokenizer is gone is damaged, not one that reads bytes") {
  const Imported imported;
  Session session = SmallWorld::open(imported.pool);
  session.pool.put_records({{kTokenizerJson, "{}"}});
  CHECK_THROWS_AS(load_model(session.pool, session.generation, test_device()), CorruptError);
  session.pool.put_records({{kTokenizerJson, with_merges().tokenizer.dump()}, {kTokenizerEndOfDocument, "<|another|>"}});
  CHECK_THROWS_AS(load_model(session.pool, session.generation, test_device()), CorruptError);
  session.pool.put_records({{kTokenizerEndOfDocument, kLlamaEnd}, {kTokenizerMarks, "sometimes"}});
  CHECK_THROWS_AS(load_model(session.pool, session.generation, test_device()), CorruptError);
  session.pool.put_records({{kTokenizerMarks, "text"}});
  CHECK(load_model(session.pool, session.generation, test_device()).model.options().vocabulary == kLlamaVocabulary);
}

TEST_CASE("a pool that was told to reads special tokens of a text as tokens, and texts as they are without that") {
  const TemporaryFolder folder;
  LlamaFolder llama;
  LlamaJson mark = llama.tokenizer["added_tokens"][0];
  mark["content"] = "<|turn|>", mark["id"] = 257;
  llama.tokenizer["added_tokens"].push_back(mark);
  const std::string from = llama.write(folder / "llama");
  const auto tokens = [&](streams::Marks marks, const std::string& name) {
    SilentProgress progress;
    const ModelFolder model({.model = from, .marks = marks});
    import_model(folder / name, model, model.config.model, tiny_delta(), {}, 1, test_device(), kThreads, progress,
                 std::atomic<bool>{false});
    const Session session = SmallWorld::open(folder / name, kHead, pool::Access::kRead);
    std::vector<std::int32_t> found;
    session.loaded.tokenizer->append("a<|turn|>b", found);
    return found;
  };
  CHECK(tokens(streams::Marks::kTokens, "tokens") == std::vector<std::int32_t>{'a', 257, 'b'});
  CHECK(tokens(streams::Marks::kText, "text").size() == 10);
}
