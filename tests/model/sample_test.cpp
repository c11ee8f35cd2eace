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
                                    std::int64_t count, std::int32_t stop = -1) {
  std::vector<std::int32_t> made;
  model::sample(ctx, m, views, {}, options, {256, 65, 66}, count, stop, [&](std::int32_t token) {
    made.push_back(token);
    return true;
  });
  return made;
}

}  // namespace

TEST_CASE("drawing inverts the cumulative distribution, sharpened by the temperature") {
  const model::Distribution p = {std::log(0.2), std::log(0.5), std::log(0.3)};
  CHECK(model::draw(p, 1, 0.19) == 0);
  CHECK(model::draw(p, 1, 0.21) == 1);
  CHECK(model::draw(p, 1, 0.69) == 1);
  CHECK(model::draw(p, 1, 0.71) == 2);
  CHECK(model::draw(p, 0, 0.99) == 1);
  // At temperature 1/2 the shares are 4, 25 and 9 of 38.
  CHECK(model::draw(p, 0.5, 3.9 / 38) == 0);
  CHECK(model::draw(p, 0.5, 4.1 / 38) == 1);
  CHECK(model::draw(p, 0.5, 29.1 / 38) == 2);
}

TEST_CASE("the likeliest continuation is what reading the window again for every token gives") {
  Context ctx;
  Model m = untrained();
  const auto made = continued(ctx, m, {0}, {.temperature = 0}, m.options().context - 3);
  std::vector<std::int32_t> tokens = {256, 65, 66};
  for (const std::int32_t token : made) {
    const auto logits = test::logits_of(ctx, m, 0, tokens, static_cast<std::int64_t>(tokens.size()));
    const auto last = logits.end() - m.options().vocabulary;
    CHECK(token == std::max_element(last, logits.end()) - last);
    tokens.push_back(token);
  }
}

TEST_CASE("a seed gives one text, another seed another, and the stop token is not part of it") {
  Context ctx;
  Model m = untrained();
  const auto text = continued(ctx, m, {0}, {.temperature = 1, .seed = 3}, 40);
  CHECK(text.size() == 40);
  CHECK(continued(ctx, m, {0}, {.temperature = 1, .seed = 3}, 40) == text);
  CHECK(continued(ctx, m, {0}, {.temperature = 1, .seed = 4}, 40) != text);
  const auto stopped = continued(ctx, m, {0}, {.temperature = 1, .seed = 3}, 40, text[7]);
  CHECK(stopped == std::vector<std::int32_t>(text.begin(), std::find(text.begin(), text.end(), text[7])));
}

TEST_CASE("a view that equals its parent changes nothing in the mixture's text") {
  Context ctx;
  Model m = untrained();
  const auto alone = continued(ctx, m, {0}, {.temperature = 1}, 30);
  m.add_view(0, test::tiny_delta(), "same", true);
  CHECK(continued(ctx, m, {0, 1}, {.temperature = 1}, 30) == alone);
}

TEST_CASE("texts that a view writes alone follow its distribution and do not depend on the number of threads") {
  Context one(Device{}, 1), two(Device{}, 2);
  Model m = untrained();
  const auto texts = model::sample_alone(one, m, 0, {.temperature = 1, .seed = 5}, 400, 1, 256);
  const auto logits = test::logits_of(one, m, 0, {256}, 1);
  const auto p = model::log_softmax(logits);
  // Over tokens below and above the middle: shares within four standard deviations.
  double expected = 0, found = 0;
  for (int v = 0; v < 128; ++v) expected += std::exp(p[v]);
  for (const auto& text : texts) found += text[1] < 128;
  CHECK(std::abs(found / 400 - expected) < 4 * std::sqrt(expected * (1 - expected) / 400));
  CHECK(model::sample_alone(two, m, 0, {.temperature = 1, .seed = 5}, 6, 20, 256) ==
        model::sample_alone(one, m, 0, {.temperature = 1, .seed = 5}, 6, 20, 256));
}
