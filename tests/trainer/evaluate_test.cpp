#include "trainer/evaluation/evaluate.h"

#include <cmath>
#include <numbers>
#include <numeric>

#include "peer/base/error.h"
#include "peer/model/distribution.h"
#include "tests/support/catch.h"
#include "tests/support/letter_pairs.h"
#include "tests/support/tiny_model.h"
#include "tests/trainer/byte_model.h"
#include "trainer/evaluation/view_scores.h"
#include "trainer/evaluation/window_reader.h"
#include "trainer/state/held_out.h"
#include "trainer/state/views.h"

using namespace peer;
using namespace peer::trainer;

namespace {

std::vector<streams::Document> documents(std::initializer_list<std::string> texts) {
  std::vector<streams::Document> list;
  for (const std::string& text : texts) list.push_back({text, "test", 0});
  return list;
}

double sum(const std::vector<float>& log_p) { return std::accumulate(log_p.begin(), log_p.end(), 0.0); }

model::ModelOptions with_vocabulary(std::int64_t vocabulary) {
  model::ModelOptions options = test::tiny_options();
  options.vocabulary = vocabulary;
  return options;
}

struct Scene {
  Context ctx{Device{}, 2};
  model::Model model;
  explicit Scene(std::int64_t vocabulary = test::tiny_options().vocabulary) : model(with_vocabulary(vocabulary), 3) {
    model.create_experts();
    test::randomise(model, 0, 0.2f);
  }
  TokenLogP score(const std::vector<streams::Document>& list, std::int64_t batch, double overlap) {
    return score_documents(ctx, byte_model(model), 0, list, {.eval_batch = batch, .eval_overlap = overlap});
  }
};

}  // namespace

TEST_CASE("every byte and the end of every document are scored exactly once, whatever the overlap") {
  Scene scene;
  const auto list =
      documents({"a", "exactly fifteen", "sixteen letters!", "a text that is longer than one window of the model, by far", ""});
  for (const double overlap : {0.0, 0.25, 0.5, 0.9}) {
    const TokenLogP log_p = scene.score(list, 3, overlap);
    REQUIRE(log_p.size() == list.size());
    for (std::size_t d = 0; d < list.size(); ++d) {
      CHECK(log_p[d].size() == list[d].text.size() + 1);
      for (const float p : log_p[d]) CHECK(p < 0);  // a token that was skipped would have 0
    }
  }
}

TEST_CASE("where tokens are pieces of words, each is scored once and the bits are counted by the bytes of the text") {
  const test::LetterPairs pairs;
  model::ModelOptions options = test::tiny_options();
  options.vocabulary = pairs.vocabulary();
  Context ctx{Device{}, 2};
  model::Model model(options, 3);
  model.create_experts();
  test::randomise(model, 0, 0.2f);
  const LanguageModel language{model, pairs};
  const auto list = documents({"abcd and a text of several windows, abacadbcbdcaddaccb", "ab"});
  const TokenLogP log_p = score_documents(ctx, language, 0, list, {.eval_batch = 2});
  std::vector<std::int32_t> tokens;
  pairs.append(list[0].text, tokens);
  REQUIRE(tokens.size() < list[0].text.size());
  CHECK(log_p[0].size() == tokens.size() + 1);
  CHECK(log_p[1].size() == 2);
  const int base[] = {0};
  const DomainScore score = score_domain(ctx, language, base, list, {.eval_batch = 2}, {});
  for (std::size_t d = 0; d < list.size(); ++d) {
    CHECK(score.mixture[d].bytes == std::ssize(list[d].text));
    CHECK(score.mixture[d].bits == Approx(-sum(log_p[d]) / std::numbers::ln2));
    CHECK(score.by_view[0][d].bytes == std::ssize(list[d].text));
  }
}

TEST_CASE("windows in bytes meet where windows in tokens meet, and the last ends with the text") {
  const test::LetterPairs pairs;
  model::ModelOptions options = test::tiny_options();
  options.vocabulary = pairs.vocabulary();
  Context ctx;
  model::Model model(options, 3);
  const auto list = documents({"abcd and a text of several windows, abacadbcbdcaddaccb; abcdabcdabcd"});
  const int base[] = {0};
  const WindowReader reader(ctx, {model, pairs}, base, list, 2, 0.5);
  const std::vector<Window> windows = reader.windows_in_bytes(0);
  REQUIRE(windows.size() == reader.windows(0).size());
  REQUIRE(windows.size() > 2);
  CHECK(windows[0].begin == 0);
  for (std::size_t w = 1; w < windows.size(); ++w) CHECK(windows[w].score_begin == windows[w - 1].end);
  CHECK(windows.back().end == std::ssize(list[0].text) + 1);  // and the mark behind it
}

TEST_CASE("a view that computes no number is heard of when it is read, not taken for one that did not read") {
  Scene scene;
  scene.model.parameters(0).find("model.norm.weight")->write()[0] = std::nanf("");
  CHECK_THROWS_AS(scene.score(documents({"a text"}), 2, 0.25), NumericError);
  const int views[] = {0};
  CHECK_THROWS_AS(score_domain(scene.ctx, byte_model(scene.model), views, documents({"a text"}), {}, {}), NumericError);
}

TEST_CASE("a document's score does not depend on the documents around it, nor on the size of the batch beyond rounding") {
  Scene scene;
  const std::string text = "the score of a document is its own business, whoever else is in the batch";
  const TokenLogP alone = scene.score(documents({text}), 4, 0.5), crowd = scene.score(documents({"before", text, "and after it"}), 4, 0.5);
  CHECK(alone[0] == crowd[1]);
  CHECK(sum(scene.score(documents({text}), 1, 0.5)[0]) == Approx(sum(alone[0])).epsilon(1e-4));
}

TEST_CASE("with a large vocabulary logits are made for some tokens at a time: the scores are those of all logits at once") {
  constexpr std::int64_t kVocabulary = 70000, kRows = 7;  // 112 tokens, of which 64 have room
  Scene scene(kVocabulary);
  const auto list = documents({"sixteen letters!", "a text that is longer than one window of the model, by far", "z", "and a fourth one"});
  REQUIRE(model::Activations(scene.model, 0, kRows, 16, false, model::Logits::kOfAPiece).piece == 64);
  const TokenLogP log_p = scene.score(list, kRows, 0.5);
  CHECK(scene.score({list[1]}, kRows, 0.5)[0] == log_p[1]);
  for (const std::size_t d : {0, 2, 3}) {
    std::vector<std::int32_t> tokens(1, 256);
    for (const char c : list[d].text) tokens.push_back(static_cast<unsigned char>(c));
    const auto logits = test::logits_of(scene.ctx, scene.model, 0, tokens, std::ssize(tokens));
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      const std::span<const float> row(logits.data() + t * kVocabulary, kVocabulary);
      if (t < 16) CHECK(log_p[d][t] == Approx(model::log_softmax_of(row, t + 1 < tokens.size() ? tokens[t + 1] : 256)).epsilon(1e-4));
    }
  }
}

TEST_CASE("within the first window the overlap changes nothing; after it a byte has at least its share of context") {
  Scene scene;
  std::string text;  // no two windows alike: repeated text would score the same at any place
  for (int i = 0; i < 50; ++i) text += static_cast<char>('a' + i * i % 26);
  const TokenLogP none = scene.score(documents({text}), 2, 0.0), half = scene.score(documents({text}), 2, 0.5);
  for (int t = 0; t < 16; ++t) CHECK(none[0][t] == Approx(half[0][t]).margin(1e-5));
  CHECK(sum(none[0]) != sum(half[0]));
}

TEST_CASE("held-out text is bounded, never cut inside a character, and survives being stored") {
  const auto list = documents({"first", "a much longer second document", "third"});
  CHECK(select_held_out(list, 12).size() == 2);
  CHECK(select_held_out(documents({"\xE6\x97\xA5\xE6\x9C\xAC"}), 1).front().text.size() == 3);  // a character is the least
  const auto cut = select_held_out(documents({"\xC3\xA9\xC3\xA9\xC3\xA9"}), 3);
  REQUIRE(cut.size() == 1);
  CHECK(cut[0].text == "\xC3\xA9");
  const auto decoded = decode_documents(encode_documents(list), "x");
  REQUIRE(decoded.size() == 3);
  for (int d = 0; d < 3; ++d) CHECK(decoded[d].text == list[d].text);
}

TEST_CASE("the mixture of one view is that view") {
  Scene scene;
  const auto list = documents({"some text to be scored twice over"});
  const int base[] = {0};
  const DomainScore score = score_domain(scene.ctx, byte_model(scene.model), base, list, {}, {});
  CHECK(score.mixture[0].bits == Approx(score.by_view[0][0].bits));
  CHECK(score.mixture[0].bytes == 33);
  CHECK(score.views_read == 1.0);
}

TEST_CASE("a guessed mixture is an upper bound of the full one, the same in any batch, any company and for any number of threads") {
  Scene scene;
  for (int view = 1; view < 4; ++view) {
    scene.model.add_view(0, test::tiny_delta(), "test", true);
    test::randomise(scene.model, view, 0.3f, static_cast<std::uint64_t>(view));
  }
  std::string text;
  for (int i = 0; i < 400; ++i) text += static_cast<char>('a' + i * i % 26);
  const std::vector<int> views = all_views(scene.model);
  std::vector<ByteBigrams> statistics(4);
  for (int g = 0; g < 4; ++g) statistics[g].add(text.substr(100 * g, 100));  // each knows a quarter of the text
  const auto score = [&](Context& ctx, const std::vector<streams::Document>& list, std::int64_t batch, double guess) {
    return score_domain(ctx, byte_model(scene.model), views, list, {.eval_batch = batch, .guess = guess}, {}, statistics);
  };
  Context one_thread{Device{}, 1};
  const DomainScore alone = score(scene.ctx, documents({text}), 4, 0.4);
  const DomainScore crowd = score(scene.ctx, documents({"before", text, text + text}), 4, 0.4);
  CHECK(crowd.mixture[1].bits == alone.mixture[0].bits);
  CHECK(score(one_thread, documents({text}), 4, 0.4).mixture[0].bits == alone.mixture[0].bits);
  CHECK(score(scene.ctx, documents({text}), 1, 0.4).mixture[0].bits == Approx(alone.mixture[0].bits).epsilon(1e-6));
  CHECK(alone.views_read < 4.0);
  CHECK(alone.views_read >= 1.0);

  const DomainScore full = score(scene.ctx, documents({text}), 4, 0);
  CHECK(full.views_read == 4.0);
  CHECK(alone.mixture[0].bits >= full.mixture[0].bits - 1e-4);
  for (std::size_t g = 0; g < views.size(); ++g) {
    CHECK(std::isfinite(full.by_view[g][0].bits));
    const double read = alone.by_view[g][0].bits;  // the whole document or nothing: a part would look too cheap
    CHECK((std::isnan(read) || read == Approx(full.by_view[g][0].bits).epsilon(1e-6)));
  }
  // A view of which no text was counted cannot be guessed: everybody reads.
  statistics[2] = {};
  CHECK(score(scene.ctx, documents({text}), 4, 0.4).views_read == 4.0);
}

TEST_CASE("without a guess the mixture is Bayes' rule on what each view scores alone, to the last bit") {
  Scene scene;
  scene.model.add_view(0, test::tiny_delta(), "test", true);
  test::randomise(scene.model, 1, 0.3f);
  const auto list = documents({"one text", "and another one, longer than a window of sixteen"});
  const EvaluateOptions options{.eval_batch = 3};
  const DomainScore score = score_domain(scene.ctx, byte_model(scene.model), all_views(scene.model), list, options, {});
  const TokenLogP old = score_documents(scene.ctx, byte_model(scene.model), 0, list, options),
                  grown = score_documents(scene.ctx, byte_model(scene.model), 1, list, options);
  for (std::size_t d = 0; d < list.size(); ++d) {
    model::Mixture mixture(2, {});
    double nats = 0;
    for (std::size_t t = 0; t < old[d].size(); ++t) nats -= mixture.update(std::vector<double>{old[d][t], grown[d][t]});
    CHECK(score.mixture[d].bits == nats / std::numbers::ln2);
  }
}

TEST_CASE("views that share their lowest blocks score what each scores alone, to the last bit, and compute less") {
  Scene scene;
  model::DeltaOptions delta = test::tiny_delta();
  delta.first_layer = 1;
  for (int view = 1; view < 4; ++view) {
    scene.model.add_view(0, delta, "test", true);
    test::randomise(scene.model, view, 0.3f, static_cast<std::uint64_t>(view));
  }
  std::string text;
  for (int i = 0; i < 300; ++i) text += static_cast<char>('a' + i * i % 26);
  const auto list = documents({"short", text, "", text.substr(7, 90)});
  const EvaluateOptions options{.eval_batch = 3};
  const std::vector<int> views = all_views(scene.model);
  const ViewScores alone = score_views(scene.ctx, byte_model(scene.model), views, list, options);
  const DomainScore together = score_domain(scene.ctx, byte_model(scene.model), views, list, options, {});
  const std::vector<DocumentBits> expected = mixture_bits(alone, views, list, {});
  for (std::size_t d = 0; d < list.size(); ++d) {
    CHECK(together.mixture[d].bits == expected[d].bits);
    for (std::size_t g = 0; g < views.size(); ++g)
      CHECK(together.by_view[g][d].bits == Approx(-sum(alone.at(views[g])[d]) / std::numbers::ln2).epsilon(1e-12));
  }
  CHECK(together.views_read == 4.0);
  CHECK(together.views_computed == 2.5);  // the lower of two blocks once, the upper four times
}
