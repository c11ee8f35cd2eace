#include "peer/model/sample.h"

#include <cmath>

#include "peer/model/distribution.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"

using namespace peer;
using model::Model;

namespace {

Model untrained() {
  Model m(test::tiny_options(), 1);
  m.create_experts();
  m.for_each_block(0, [](layers::PeerBlock& block, int) { block.set_statistics(ops::Statistics::kFrozen); });
  return m;
}

std::vector<std::int32_t> continued(Context& ctx, Model& m, const std::vector<int>& views, const model::SampleOptions& options,
                                    std::int64_t count, const std::vector<std::vector<std::int32_t>>& stops = {}) {
  std::vector<std::int32_t> made;
  model::sample(ctx, m, views, {}, options, {256, 65, 66}, count, stops, [&](std::int32_t token) {
    made.push_back(token);
    return true;
  });
  return made;
}

}  // namespace

TEST_CASE("the likeliest continuation is what reading the window again for every token gives") {
  Context ctx;
  Model m = untrained();
  const auto made = continued(ctx, m, {0}, {.draw = {.temperature = 0}}, m.options().context - 3);
  std::vector<std::int32_t> tokens = {256, 65, 66};
  for (const std::int32_t token : made) {
    const auto logits = test::logits_of(ctx, m, 0, tokens, static_cast<std::int64_t>(tokens.size()));
    const auto last = logits.end() - m.options().vocabulary;
    CHECK(token == std::max_element(last, logits.end()) - last);
    tokens.push_back(token);
  }
}

TEST_CASE("a seed and a number give one text, others another") {
  Context ctx;
  Model m = untrained();
  const auto text = continued(ctx, m, {0}, {.draw = {.temperature = 1}, .seed = 3}, 40);
  CHECK(text.size() == 40);
  CHECK(continued(ctx, m, {0}, {.draw = {.temperature = 1}, .seed = 3}, 40) == text);
  CHECK(continued(ctx, m, {0}, {.draw = {.temperature = 1}, .seed = 4}, 40) != text);
  CHECK(continued(ctx, m, {0}, {.draw = {.temperature = 1}, .seed = 3, .number = 1}, 40) != text);
}

TEST_CASE("a text ends before the first stop sequence, and the beginning of one that does not come is text") {
  Context ctx;
  Model m = untrained();
  const model::SampleOptions options = {.draw = {.temperature = 1}, .seed = 3};
  const auto text = continued(ctx, m, {0}, options, 40);
  CHECK(continued(ctx, m, {0}, options, 40, {{text[7]}}) == std::vector(text.begin(), std::ranges::find(text, text[7])));
  const std::vector<std::int32_t> three(text.begin() + 7, text.begin() + 10), never = {text[37], text[38], text[39], 0};
  CHECK(continued(ctx, m, {0}, options, 40, {never, three}) == std::vector(text.begin(), text.begin() + 7));
  CHECK(continued(ctx, m, {0}, options, 40, {never}) == text);
  CHECK(continued(ctx, m, {0}, options, 9, {three}) == std::vector(text.begin(), text.begin() + 9));
}

TEST_CASE("of the tokens that a filter leaves alone is a text made") {
  Context ctx;
  Model m = untrained();
  const auto likeliest = continued(ctx, m, {0}, {.draw = {.temperature = 0}}, 40);
  CHECK(continued(ctx, m, {0}, {.draw = {.temperature = 1, .top_k = 1}}, 40) == likeliest);
  CHECK(continued(ctx, m, {0}, {.draw = {.temperature = 1, .top_p = 1e-9}}, 40) == likeliest);
  CHECK(continued(ctx, m, {0}, {.draw = {.temperature = 1, .min_p = 1}}, 40) == likeliest);
  CHECK(continued(ctx, m, {0}, {.draw = {.temperature = 1}}, 40) != likeliest);
}

TEST_CASE("a view that equals its parent changes nothing in the mixture's text") {
  Context ctx;
  Model m = untrained();
  const auto alone = continued(ctx, m, {0}, {.draw = {.temperature = 1}}, 30);
  m.add_view(0, test::tiny_delta(), "same", true);
  CHECK(continued(ctx, m, {0, 1}, {.draw = {.temperature = 1}}, 30) == alone);
}

TEST_CASE("texts that a view writes alone follow its distribution and do not depend on the number of threads") {
  Context one(Device{}, 1), two(Device{}, 2);
  Model m = untrained();
  const auto texts = model::sample_alone(one, m, 0, {.draw = {.temperature = 1}, .seed = 5}, 400, 1, 256);
  const auto logits = test::logits_of(one, m, 0, {256}, 1);
  const auto p = model::log_softmax(logits);
  // Over tokens below and above the middle: shares within four standard deviations.
  double expected = 0, found = 0;
  for (int v = 0; v < 128; ++v) expected += std::exp(p[v]);
  for (const auto& text : texts) found += text[1] < 128;
  CHECK(std::abs(found / 400 - expected) < 4 * std::sqrt(expected * (1 - expected) / 400));
  CHECK(model::sample_alone(two, m, 0, {.draw = {.temperature = 1}, .seed = 5}, 6, 20, 256) ==
        model::sample_alone(one, m, 0, {.draw = {.temperature = 1}, .seed = 5}, 6, 20, 256));
}
