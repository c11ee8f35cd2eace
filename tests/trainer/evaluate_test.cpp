#include "trainer/evaluate.h"

#include <cmath>
#include <numeric>

#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"
#include "trainer/held_out.h"

using namespace peer;
using namespace peer::trainer;

namespace {

std::vector<streams::Document> documents(std::initializer_list<std::string> texts) {
  std::vector<streams::Document> list;
  for (const std::string& text : texts) list.push_back({text, "test", 0});
  return list;
}

double sum(const std::vector<float>& log_p) { return std::accumulate(log_p.begin(), log_p.end(), 0.0); }

struct Scene {
  Context ctx{Device{}, 2};
  model::Model model{test::tiny_options(), 3};
  Scene() {
    model.create_experts();
    test::randomise(model, 0, 0.2f);
  }
  TokenLogP score(const std::vector<streams::Document>& list, std::int64_t batch, double overlap) {
    return score_documents(ctx, model, 0, list, {.eval_bytes = 0, .eval_batch = batch, .eval_overlap = overlap});
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

TEST_CASE("a document's score does not depend on the documents around it, nor on the size of the batch beyond rounding") {
  Scene scene;
  const std::string text = "the score of a document is its own business, whoever else is in the batch";
  const TokenLogP alone = scene.score(documents({text}), 4, 0.5), crowd = scene.score(documents({"before", text, "and after it"}), 4, 0.5);
  CHECK(alone[0] == crowd[1]);
  CHECK(sum(scene.score(documents({text}), 1, 0.5)[0]) == Approx(sum(alone[0])).epsilon(1e-4));
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
  const DomainScore score = score_domain(scene.ctx, scene.model, base, list, {}, {});
  CHECK(score.mixture[0].bits == Approx(score.by_view[0][0].bits));
  CHECK(score.mixture[0].bytes == 33);
}
