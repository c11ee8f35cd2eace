#include "trainer/state/learning_history.h"

#include <cmath>

#include "peer/base/error.h"
#include "tests/support/catch.h"
#include "trainer/evaluation/retention.h"
#include "trainer/state/stored_state.h"

using namespace peer;
using namespace peer::trainer;

namespace {

History example() {
  History history;
  history.domains = {{"english", digest_of("a"), 3, 400, kMissing}, {"c++", digest_of("b"), 5, 900, 2.125}};
  history.stages = {{"", "none", 0, 0, {{"english", 8.0}}, {{"english", digest_of("c")}}, 0, 0},
                    {"english", "naive", 400, 0, {{"english", 2.5}, {"c++", 4.5}}, {}, 0, 0},
                    {"c++", "grow", 400, 1, {{"english", 2.5}, {"c++", 2.0}}, {}, 0, 12345}};
  return history;
}

}  // namespace

TEST_CASE("a history survives being written and read, and the same history gives the same text") {
  const std::string text = to_json(example());
  CHECK(to_json(parse_history(text)) == text);
  CHECK(parse_history(text).stages[2].parameters_added == 12345);
}

TEST_CASE("the matrix has a row a stage, a column a domain, and NaN where nothing was measured") {
  const RetentionMatrix matrix = matrix_of(example());
  REQUIRE(matrix.loss.size() == 3);
  CHECK(matrix.loss[1][1] == 4.5);
  CHECK(std::isnan(matrix.loss[0][1]));
  CHECK(std::isnan(matrix.naive[0]));
  CHECK(matrix.naive[1] == 2.125);
}

TEST_CASE("a stored state survives being written and read; any text that is not one is refused as corrupt") {
  StoredState state;
  state.seed = 7;
  state.model.width = 96;
  state.views = {{"base", "english", -1, {}}, {"v1", "c++", 0, {.annex_side = 20}}};
  state.blocks = {{0, 48, 40, 0, 1, true}};
  state.history = example();
  state.run = StoredRun{{{"steps", "12"}}, 5, 1, {9, 1, 77}};
  const std::string text = to_json(state);
  CHECK(to_json(parse_state(text, "here")) == text);
  CHECK_THROWS_AS(parse_state("", "here"), CorruptError);
  CHECK_THROWS_AS(parse_state("{}", "here"), CorruptError);
  for (std::size_t cut = 1; cut < text.size(); cut += 7) CHECK_THROWS_AS(parse_state(text.substr(0, cut), "here"), CorruptError);
}

TEST_CASE("a view that was stored before there was an option opens with the option's default") {
  StoredState state;
  state.views = {{"base", "english", -1, {}}, {"v1", "c++", 0, {.annex_side = 20, .feed_forward_rank = 3, .residual_scale = 2}}};
  std::string text = to_json(state);
  for (const std::string field : {R"(,"feed-forward-rank":"3")", R"(,"residual-scale":"2")"}) {
    const std::size_t at = text.find(field);
    REQUIRE(at != std::string::npos);
    text.erase(at, field.size());
  }
  const model::DeltaOptions delta = parse_state(text, "here").views[1].delta;
  CHECK(delta.annex_side == 20);
  CHECK(delta.feed_forward_rank == 0);
  CHECK(delta.residual_scale == 1);
}

TEST_CASE("a model that was stored before rotary positions were scaled opens with none scaled") {
  StoredState state;
  state.views = {{"base", "english", -1, {}}};
  state.model.rope_scaling = {.factor = 8, .original_context = 8192, .low_frequency = 2, .high_frequency = 5};
  std::string text = to_json(state);
  CHECK(parse_state(text, "here").model.rope_scaling == state.model.rope_scaling);
  for (const std::string field :
       {R"(,"rope-factor":"8")", R"(,"rope-original-context":"8192")", R"(,"rope-low-frequency":"2")", R"(,"rope-high-frequency":"5")"}) {
    const std::size_t at = text.find(field);
    REQUIRE(at != std::string::npos);
    text.erase(at, field.size());
  }
  CHECK(parse_state(text, "here").model.rope_scaling == ops::RotaryScaling{});
}

TEST_CASE("a pool that was stored before attention could have biases opens without them") {
  StoredState state;
  state.views = {{"base", "english", -1, {}}};
  state.model.attention_bias = layers::AttentionBias::kQkv;
  std::string text = to_json(state);
  CHECK(parse_state(text, "here").model.attention_bias == layers::AttentionBias::kQkv);
  const std::string field = R"("attention-bias":"qkv",)";
  REQUIRE(text.find(field) != std::string::npos);
  text.erase(text.find(field), field.size());
  CHECK(parse_state(text, "here").model.attention_bias == layers::AttentionBias::kNone);
}

TEST_CASE("a pool that was stored before heads had a width of their own and norms opens without them") {
  StoredState state;
  state.views = {{"base", "english", -1, {}}};
  state.model.head_width = 48, state.model.query_key_norm = layers::QueryKeyNorm::kRms;
  std::string text = to_json(state);
  CHECK(parse_state(text, "here").model.head_width == 48);
  CHECK(parse_state(text, "here").model.query_key_norm == layers::QueryKeyNorm::kRms);
  for (const std::string field : {R"("head-width":"48",)", R"("query-key-norm":"rms",)"}) {
    REQUIRE(text.find(field) != std::string::npos);
    text.erase(text.find(field), field.size());
  }
  CHECK(parse_state(text, "here").model.head_width == 0);
  CHECK(parse_state(text, "here").model.query_key_norm == layers::QueryKeyNorm::kNone);
}

TEST_CASE("an unfinished stage keeps paths that are not UTF-8 and paths with commas") {
  StoredState state;
  state.views = {{"base", "english", -1, {}}};
  state.history = example();
  state.run = StoredRun{{{"from", "caf\xe9\\,1.txt,b"}, {"steps", "12"}}, 5, 1, {9, 1, 77}};
  CHECK(parse_state(to_json(state), "here").run->options == state.run->options);
}

TEST_CASE("a folding taught what the views that it folded were taught, each domain once") {
  History history = example();
  history.stages[1].view = 1, history.stages[2].view = 2;
  history.stages.push_back({.domain = "c++", .strategy = "grow", .steps = 0, .view = 1});  // found to be no news: not taught
  history.stages.push_back({.strategy = kConsolidate, .steps = 10, .view = 3, .folded = {1, 2}});
  history.stages.push_back({.strategy = kConsolidate, .steps = 10, .view = 4, .folded = {3}});
  const auto names = [&](int view) {
    std::vector<std::string> names;
    for (const DomainRecord* domain : history.taught(view)) names.push_back(domain->name);
    return names;
  };
  CHECK(names(1) == std::vector<std::string>{"english"});
  CHECK(names(4) == std::vector<std::string>{"english", "c++"});
  CHECK(history.stage_name(4) == "folding");
  CHECK(parse_history(to_json(history)).stages[4].folded == std::vector<int>{1, 2});
}
