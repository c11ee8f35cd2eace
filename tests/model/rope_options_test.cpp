// Scaled rotary positions as options of a model: what is refused, and that all that reads tokens scales alike.
#include <cmath>
#include <limits>

#include "peer/base/error.h"
#include "peer/model/decoder.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"

using namespace peer;
using model::Model;

namespace {

model::ModelOptions scaled_options() {
  model::ModelOptions o = test::tiny_options();
  o.peer_layers = {}, o.rope_theta = 10;
  o.rope_scaling = {.factor = 3, .original_context = 16};
  return o;
}

std::vector<float> logits_of(const model::ModelOptions& options) {
  Context ctx({}, 1);
  Model m(options, 1);
  test::randomise(m, 0, 0.3f);
  return test::logits_of(ctx, m, 0, test::tiny_tokens(16, options.vocabulary), 16);
}

}  // namespace

TEST_CASE("frequencies that no model has are refused by the name of the option") {
  const auto refused = [](ops::RotaryScaling scaling, const std::string& reason) {
    model::ModelOptions o = test::tiny_options();
    o.rope_scaling = scaling;
    CHECK_THROWS_AS(model::check(o), UsageError);
    CHECK_THROWS_WITH(model::check(o), Catch::Contains(reason));
  };
  for (const double factor : {0.5, 0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()})
    refused({.factor = factor}, "rope-factor must be 1 or above");
  refused({.factor = 2, .original_context = -1}, "rope-original-context must not be negative, found -1");
  refused({.factor = 2, .original_context = 8, .low_frequency = 4, .high_frequency = 4}, "below rope-high-frequency, found 4 and 4");
  refused({.factor = 2, .original_context = 8, .low_frequency = 0}, "rope-low-frequency must be above 0");
  CHECK_NOTHROW(model::check(scaled_options()));
}

TEST_CASE("a model of scaled positions computes something else, and with a factor of 1 the same to the last bit") {
  model::ModelOptions options = scaled_options();
  const auto scaled = logits_of(options);
  options.rope_scaling.original_context = 0;
  const auto linear = logits_of(options);
  options.rope_scaling.factor = 1;
  const auto plain = logits_of(options);
  CHECK(scaled != linear);
  CHECK(scaled != plain);
  CHECK(linear != plain);
  options.rope_scaling = {.factor = 1, .original_context = 4, .low_frequency = 2, .high_frequency = 3};
  CHECK(logits_of(options) == plain);
}

TEST_CASE("reading token by token predicts what reading the window predicts where positions are scaled") {
  Context ctx;
  Model m(scaled_options(), 1);
  test::randomise(m, 0, 0.3f);
  const auto tokens = test::tiny_tokens(m.options().context, m.options().vocabulary);
  const auto window = test::logits_of(ctx, m, 0, tokens, std::ssize(tokens));
  model::Decoder decoder(ctx, m, 0, 1);
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    const auto logits = decoder.read({&tokens[t], 1});
    for (std::int64_t i = 0; i < logits.size(); ++i)
      REQUIRE(logits.data[i] ==
              Approx(window[t * static_cast<std::size_t>(logits.size()) + static_cast<std::size_t>(i)]).epsilon(1e-4).margin(1e-5));
  }
}
