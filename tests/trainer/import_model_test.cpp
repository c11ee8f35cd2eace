// A model that was trained elsewhere as the base of a pool: its numbers, what is refused, and what a failure leaves behind.
#include "trainer/import/import_model.h"

#include <cmath>

#include "peer/base/error.h"
#include "peer/model/model_cost.h"
#include "tests/support/catch.h"
#include "tests/support/llama_folder.h"
#include "tests/trainer/small_world.h"
#include "trainer/evaluation/retention.h"
#include "trainer/growth.h"
#include "trainer/report/forgetting_report.h"
#include "trainer/report/report.h"
#include "trainer/state/stored_tokenizer.h"
#include "trainer/state/views.h"

using namespace peer;
using namespace peer::trainer;
using namespace peer::trainer::test;

namespace {

ImportOutcome import_from(const std::string& folder, const std::string& pool, const std::optional<KnownDomain>& known = {}) {
  SilentProgress progress;
  const std::atomic<bool> stop{false};
  const ModelFolder model({.model = folder});
  return import_model(pool, model, model.config.model, tiny_delta(), known, 1, test_device(), kThreads, progress, stop);
}

const std::vector<std::int32_t> kTokens = {256, 10, 200, 3, 77, 150, 31, 256, 99, 5, 240, 120};
constexpr std::int64_t kPositions[] = {5, 11}, kLogits[] = {0, 50, 100, 150, 200, 250, 256, 263};
using Golden = std::vector<std::vector<float>>;

void check_logits(const std::string& pool, const Golden& golden, const std::vector<std::int32_t>& tokens = kTokens,
                  std::span<const std::int64_t> positions = kPositions) {
  Session session = SmallWorld::open(pool, kHead, pool::Access::kRead);
  const auto logits = logits_of(session.ctx, session.loaded.model, 0, tokens, std::ssize(tokens));
  for (std::size_t p = 0; p < positions.size(); ++p)
    for (std::size_t l = 0; l < std::size(kLogits); ++l) {
      CAPTURE(p, l);
      CHECK(logits[static_cast<std::size_t>(positions[p] * kLlamaVocabulary + kLogits[l])] == Approx(golden[p][l]).margin(2e-5));
    }
}

std::vector<streams::Document> documents(int count) {
  std::vector<streams::Document> documents;
  for (int d = 0; d < count; ++d) documents.emplace_back().text = domain_text(0, 3 + d);
  return documents;
}

// What is refused leaves nothing where the pool would be.
template <class Failure>
std::string refused(const LlamaFolder& model) {
  const TemporaryFolder folder;
  const std::string from = model.write(folder / "model"), pool = folder / "pool";
  std::string message;
  try {
    import_from(from, pool);
  } catch (const Failure& failure) {
    message = failure.what();
  }
  CHECK(!std::filesystem::exists(pool));
  return message;
}

}  // namespace

// The numbers are those of transformers: tests/trainer/import_golden.py.
TEST_CASE("an imported model computes the logits that transformers computes, whatever its numbers are stored as") {
  const TemporaryFolder folder;
  LlamaFolder model;
  import_from(model.write(folder / "f32"), folder / "f32-pool");
  check_logits(folder / "f32-pool", {{-1.001142f, 1.831352f, 0.509992f, -0.528164f, 1.679717f, -1.420303f, 1.032034f, -0.019554f},
                                     {0.876898f, 0.624843f, 0.288803f, 0.064220f, -1.631853f, 2.712911f, -0.945069f, 1.689994f}});
  model.tie(), model.dtype = "F16", model.shards = true;
  import_from(model.write(folder / "f16"), folder / "f16-pool");
  check_logits(folder / "f16-pool", {{0.504645f, 4.065663f, 1.051594f, 2.419494f, -0.054745f, 4.336046f, 3.108452f, -2.815794f},
                                     {-0.264798f, -0.314695f, -2.011459f, -0.474889f, -2.142128f, -0.824735f, -0.787922f, -1.514445f}});
  model.dtype = "BF16", model.shards = false;
  import_from(model.write(folder / "bf16"), folder / "bf16-pool");
  check_logits(folder / "bf16-pool", {{0.488793f, 4.073337f, 1.067343f, 2.417393f, -0.056521f, 4.329653f, 3.108778f, -2.825397f},
                                      {-0.271758f, -0.298291f, -2.025364f, -0.477226f, -2.151806f, -0.818894f, -0.792780f, -1.548860f}});
}

TEST_CASE("a model of scaled rotary positions computes the logits that transformers computes beyond the context it was trained on") {
  const TemporaryFolder folder;
  LlamaFolder model;
  std::vector<std::int32_t> tokens;
  for (int t = 0; t < 60; ++t) tokens.push_back((37 * t + 11) % static_cast<int>(kLlamaVocabulary));
  constexpr std::int64_t kEnds[] = {5, 59};
  model.config["rope_parameters"] = {{"rope_type", "llama3"},  {"rope_theta", 100.0},     {"factor", 8.0},
                                     {"low_freq_factor", 1.0}, {"high_freq_factor", 4.0}, {"original_max_position_embeddings", 32}};
  import_from(model.write(folder / "llama3"), folder / "llama3-pool");
  check_logits(folder / "llama3-pool",
               {{-3.321036f, -0.493955f, -0.417135f, -0.702390f, 0.985693f, -1.705585f, -0.288742f, 3.274251f},
                {-1.516200f, -1.075683f, -1.163599f, 1.092556f, -1.167470f, -0.391353f, -0.940763f, 4.187193f}},
               tokens, kEnds);
  model.config["rope_parameters"] = {{"rope_type", "linear"}, {"rope_theta", 100.0}, {"factor", 4.0}};
  import_from(model.write(folder / "linear"), folder / "linear-pool");
  check_logits(folder / "linear-pool",
               {{-3.566610f, 2.388129f, 0.136961f, -1.041279f, 0.295222f, -0.523779f, -1.625779f, 1.812994f},
                {3.356459f, -0.260430f, 1.353333f, -0.048122f, -2.724869f, 1.788783f, -3.078814f, 1.019578f}},
               tokens, kEnds);
}

TEST_CASE(
    "an imported model whose attention has biases computes the logits that transformers computes: Qwen2, and Llama where it says so") {
  const TemporaryFolder folder;
  LlamaFolder llama;
  llama.config["attention_bias"] = true, llama.add_biases("qkvo");
  import_from(llama.write(folder / "llama"), folder / "llama-pool");
  check_logits(folder / "llama-pool", {{-1.072556f, 1.889336f, 0.486298f, -0.034271f, 0.151134f, -0.847758f, -0.450846f, 1.442911f},
                                       {0.274837f, -0.363978f, -1.123859f, 0.125786f, -2.003846f, 1.322881f, -1.878770f, 0.611195f}});
  LlamaFolder qwen;
  qwen.config = qwen2_config(), qwen.add_biases("qkv");
  import_from(qwen.write(folder / "qwen"), folder / "qwen-pool");
  check_logits(folder / "qwen-pool", {{-0.594661f, 2.123442f, 0.539548f, 0.032259f, 0.765303f, -0.805956f, -0.431114f, 1.956767f},
                                      {0.504569f, 1.307109f, -0.995487f, -1.666874f, -1.204298f, 3.289919f, -0.346824f, -0.349858f}});
  qwen.tie(), qwen.dtype = "BF16", qwen.shards = true;
  import_from(qwen.write(folder / "tied"), folder / "tied-pool");
  check_logits(folder / "tied-pool", {{-0.060227f, 3.359642f, 0.597743f, 1.608613f, 0.074039f, 2.561293f, 3.162297f, -2.658861f},
                                      {-1.436949f, 2.316734f, -0.701985f, 1.042567f, -3.581345f, -2.721596f, -0.332937f, -0.225577f}});
}

TEST_CASE(
    "an imported model whose heads have a width of their own computes the logits that transformers computes: Llama, and Qwen3 with norms") {
  const TemporaryFolder folder;
  LlamaFolder model;
  model.set_head_width(6);
  import_from(model.write(folder / "llama"), folder / "llama-pool");
  check_logits(folder / "llama-pool", {{-0.024282f, 0.031762f, -0.093656f, -1.395869f, 3.661343f, -0.663579f, -0.838383f, 0.252081f},
                                       {-1.562781f, 0.418708f, 1.436497f, 0.146214f, 1.980826f, 0.857929f, -1.171151f, 1.145645f}});
  model.become_qwen3();
  import_from(model.write(folder / "qwen"), folder / "qwen-pool");
  check_logits(folder / "qwen-pool", {{-0.976296f, 0.971009f, 0.389051f, 0.181867f, -3.574744f, 0.157488f, -3.490180f, -0.595846f},
                                      {-0.962896f, 1.660638f, 1.419939f, 1.351903f, -3.091245f, -1.189737f, -2.943770f, 2.031874f}});
  model.tie(), model.dtype = "BF16", model.shards = true;
  import_from(model.write(folder / "tied"), folder / "tied-pool");
  check_logits(folder / "tied-pool", {{-3.765567f, 0.537357f, -0.271830f, 0.289005f, -0.658722f, -0.741149f, 0.339831f, -3.882645f},
                                      {-1.064348f, -2.222655f, -0.553293f, -1.002768f, -1.044803f, 2.075909f, 0.179779f, -1.732256f}});
  model = {}, model.become_qwen3(kLlamaHead);
  import_from(model.write(folder / "share"), folder / "share-pool");
  check_logits(folder / "share-pool", {{0.074353f, 2.734808f, 0.101730f, -2.583647f, 1.843379f, 1.307088f, -1.805216f, 1.241621f},
                                       {2.929728f, -1.271265f, 1.912022f, -0.983085f, 2.123023f, 0.845453f, 0.350385f, -1.924696f}});
}

TEST_CASE("an imported model has every tensor of the folder, and a tied head is the embedding's table") {
  const TemporaryFolder folder;
  LlamaFolder model;
  SECTION("of a Llama model") {}
  SECTION("of a Qwen2 model") { model.config = qwen2_config(), model.add_biases("qkv"); }
  SECTION("of a Qwen3 model") { model.become_qwen3(); }
  import_from(model.write(folder / "model"), folder / "pool");
  Session session = SmallWorld::open(folder / "pool", kHead, pool::Access::kRead);
  CHECK(session.loaded.model.base().count() == model::cost_of(session.loaded.model.options()).dense_parameters);
  for (const LlamaTensor& tensor : model.tensors) {
    const auto* parameter = session.loaded.model.base().find(tensor.name);
    REQUIRE(parameter != nullptr);
    CHECK(std::equal(tensor.values.begin(), tensor.values.end(), parameter->value().data()));
  }
  model.tie();
  import_from(model.write(folder / "tied"), folder / "tied-pool");
  Session tied = SmallWorld::open(folder / "tied-pool", kHead, pool::Access::kRead);
  CHECK(tied.loaded.model.options().tied_embeddings);
  CHECK(tied.loaded.model.base().find("lm_head.weight") == nullptr);
  CHECK(tied.loaded.model.base().count() == model::cost_of(tied.loaded.model.options()).dense_parameters);
  LlamaFolder copied;  // a head that is there all the same is passed over, as transformers does
  copied.config["tie_word_embeddings"] = true;
  import_from(copied.write(folder / "copied"), folder / "copied-pool");
  CHECK(SmallWorld::open(folder / "copied-pool", kHead, pool::Access::kRead).loaded.model.options().tied_embeddings);
}

TEST_CASE("an imported pool knows where it comes from, and keeps the folder's tokenizer") {
  const TemporaryFolder folder;
  import_from(LlamaFolder().write(folder / "llama"), folder / "pool");
  Session session = SmallWorld::open(folder / "pool", kHead, pool::Access::kRead);
  CHECK(session.generation.message.starts_with("import: llama, "));
  CHECK(session.loaded.model.view(0).domain == "llama");
  CHECK(session.loaded.model.options().context == 64);
  CHECK(experts_in(session.loaded.model, 0) == 0);
  CHECK(session.loaded.history.any_stage());
  CHECK(session.loaded.history.stage_name(0) == "imported");
  CHECK(session.pool.record(kTokenizerJson) == llama_tokenizer().dump());
  CHECK(session.pool.record(kTokenizerEndOfDocument) == kLlamaEnd);
  CHECK(session.pool.verify().damage.empty());
}

TEST_CASE("the first stage after an import grows a view and leaves the base as it was") {
  const SmallWorld world;
  LlamaFolder model;
  SECTION("of a Llama model") {}
  SECTION("of a Qwen2 model") { model.config = qwen2_config(), model.add_biases("qkv"); }
  SECTION("of a Qwen3 model") { model.become_qwen3(); }
  import_from(model.write(world / "model"), world / "pool");
  {
    Session session = SmallWorld::open(world / "pool");
    CHECK(SmallWorld::run(session, world.options(1)).summary.starts_with("code grow"));
  }
  Session session = SmallWorld::open(world / "pool", kHead, pool::Access::kRead);
  CHECK(session.loaded.model.newest() == 1);
  CHECK(session.generation.trunk("base")->content == session.pool.generation({0}).trunk("base")->content);
  const RetentionMatrix matrix = matrix_of(session.loaded.history);
  CHECK(matrix.stages == std::vector<std::string>{"imported", "code"});
  CHECK(matrix.loss[1][0] < matrix.loss[0][0]);
}

TEST_CASE("what an imported model knew is measured, and what views cost it shows as forgetting of a domain that nothing was gained in") {
  const SmallWorld world;
  const KnownDomain known{.domain = "sea", .held_out = documents(12), .eval_bytes = 3000};
  const ImportOutcome outcome = import_from(LlamaFolder().write(world / "model"), world / "pool", known);
  {
    Session session = SmallWorld::open(world / "pool");
    CHECK(session.generation.id == outcome.commit.id);
    CHECK(session.loaded.history.stages.size() == 2);
    CHECK(session.loaded.history.stages[1].loss.at("sea") == outcome.bits_per_byte);
    CHECK(session.loaded.history.stages[0].loss.at("sea") == outcome.bits_per_byte);
    CHECK(session.loaded.history.taught(0).size() == 1);
    SmallWorld::run(session, world.options(1));
  }
  const Session session = SmallWorld::open(world / "pool", kHead, pool::Access::kRead);
  const RetentionMatrix matrix = matrix_of(session.loaded.history);
  CHECK(matrix.stages == std::vector<std::string>{"imported", "sea measured", "code"});
  CHECK(matrix.learnt == std::vector<std::size_t>{1, 2});
  const RetentionNumbers numbers = derive(matrix);
  CHECK(numbers.forgetting[0] == Approx(matrix.loss[2][0] - matrix.loss[1][0]));
  CHECK(std::isnan(numbers.retention[0]));
  const std::string text = report_text(make_report(session));
  CHECK(text.find("sea measured") != std::string::npos);
  CHECK(text.find("nan") == std::string::npos);
  CHECK(text.find("inf") == std::string::npos);
}

TEST_CASE("strategies that change the base take an imported one for a base that was trained before") {
  const SmallWorld world;
  import_from(LlamaFolder().write(world / "model"), world / "pool");
  const auto run_with = [&](Strategy strategy) {
    Session session = SmallWorld::open(world / "pool");
    RunOptions options = world.options(1, 4);
    options.stage = composed(strategy), options.stage.domain = "code";
    SmallWorld::run(session, options);
    return session.loaded.model.view(0).domain;
  };
  CHECK_THROWS_WITH(run_with(Strategy::kExtend), Catch::Contains("the base has no PEER layer"));
  CHECK_THROWS_WITH(run_with(Strategy::kFrozenTrunk), Catch::Contains("no experts"));
  CHECK_THROWS_WITH(run_with(Strategy::kSmf), Catch::Contains("no experts"));
  CHECK_THROWS_WITH(run_with(Strategy::kEwc), Catch::Contains("holds no importances"));
  CHECK(run_with(Strategy::kL2sp) == "model+code");
  Session session = SmallWorld::open(world / "pool", kHead, pool::Access::kRead);
  CHECK(matrix_of(session.loaded.history).stages == std::vector<std::string>{"imported", "code"});
}

TEST_CASE("a strategy that replays begins on an imported pool, whose known domain has no text to replay") {
  const SmallWorld world;
  import_from(LlamaFolder().write(world / "model"), world / "pool", KnownDomain{.domain = "sea", .held_out = documents(4)});
  for (const int domain : {1, 2}) {
    Session session = SmallWorld::open(world / "pool");
    RunOptions options = world.options(domain, 4);
    options.stage = composed(Strategy::kReplay), options.stage.domain = kNames[domain];
    SmallWorld::run(session, options);
  }
  const Session session = SmallWorld::open(world / "pool", kHead, pool::Access::kRead);
  CHECK(session.loaded.history.domain("sea")->reservoir.empty());
  CHECK(!session.loaded.history.domain("code")->reservoir.empty());
}

TEST_CASE("grow adds a view to an imported base and cannot extend grids that it does not have") {
  const TemporaryFolder folder;
  import_from(LlamaFolder().write(folder / "model"), folder / "pool");
  SilentProgress progress;
  Session session = SmallWorld::open(folder / "pool");
  CHECK_THROWS_AS(grow(session, 64, GrowMode::kExtend, "auto", progress), UsageError);
  grow(session, 64, GrowMode::kAnnex, "auto", progress);
  CHECK(experts_in(session.loaded.model, 1) >= 64);
}

TEST_CASE("an import into a pool that is there already is refused and leaves that pool alone") {
  const TemporaryFolder folder;
  const std::string model = LlamaFolder().write(folder / "model");
  import_from(model, folder / "pool");
  const Digest before = head_content(folder / "pool");
  CHECK_THROWS_AS(import_from(model, folder / "pool"), UsageError);
  CHECK(head_content(folder / "pool") == before);
}

TEST_CASE("an import names the tensor that is missing, of another shape, unknown or not finite, and leaves nothing behind") {
  LlamaFolder model;
  std::erase_if(model.tensors, [](const LlamaTensor& t) { return t.name == "model.layers.1.mlp.up_proj.weight"; });
  CHECK(refused<CorruptError>(model).find("tensor 'model.layers.1.mlp.up_proj.weight': expected (48, 32), found none") !=
        std::string::npos);
  model = {};
  model.tensor("model.layers.0.self_attn.k_proj.weight").shape = {32, 16};
  CHECK(refused<CorruptError>(model).find("expected (16, 32), found (32, 16)") != std::string::npos);
  model = {};
  model.tensors.push_back({"model.layers.0.self_attn.q_proj.bias", {32}, std::vector<float>(32)});
  CHECK(refused<UsageError>(model).find("found 1 tensor that it does not have: model.layers.0.self_attn.q_proj.bias") != std::string::npos);
  model = {};
  model.config = qwen2_config(), model.add_biases("qkv");
  std::erase_if(model.tensors, [](const LlamaTensor& t) { return t.name == "model.layers.1.self_attn.v_proj.bias"; });
  CHECK(refused<CorruptError>(model).find("tensor 'model.layers.1.self_attn.v_proj.bias': expected (16), found none") != std::string::npos);
  model = {};
  model.config = qwen2_config(), model.add_biases("qkvo");
  CHECK(refused<UsageError>(model).find("found 2 tensors that it does not have: model.layers.0.self_attn.o_proj.bias") !=
        std::string::npos);
  model = {}, model.become_qwen3();
  std::erase_if(model.tensors, [](const LlamaTensor& t) { return t.name == "model.layers.1.self_attn.k_norm.weight"; });
  CHECK(refused<CorruptError>(model).find("tensor 'model.layers.1.self_attn.k_norm.weight': expected (16), found none") !=
        std::string::npos);
  model = {}, model.become_qwen3();
  model.config["model_type"] = "llama";
  CHECK(refused<UsageError>(model).find("found 4 tensors that it does not have: model.layers.0.self_attn.k_norm.weight") !=
        std::string::npos);
  model = {}, model.config["head_dim"] = 16;
  CHECK(refused<CorruptError>(model).find("tensor 'model.layers.0.self_attn.q_proj.weight': expected (64, 32), found (32, 32)") !=
        std::string::npos);
  model = {};
  model.tensor("model.norm.weight").values[7] = std::nanf("");
  CHECK(refused<CorruptError>(model).find("tensor 'model.norm.weight': expected finite numbers, found nan at 7") != std::string::npos);
  model = {};
  std::erase_if(model.tensors, [](const LlamaTensor& t) { return t.name == "lm_head.weight"; });
  CHECK(refused<CorruptError>(model).find("tensor 'lm_head.weight'") != std::string::npos);  // not tied
}

TEST_CASE("tables of rotary angles that older folders hold are passed over") {
  const TemporaryFolder folder;
  LlamaFolder model;
  model.tensors.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", {4}, std::vector<float>(4)});
  CHECK_NOTHROW(import_from(model.write(folder / "model"), folder / "pool"));
}

TEST_CASE("a configuration cannot ask for more memory than its own tensors fill") {
  LlamaFolder model;
  model.config["num_hidden_layers"] = 4096, model.config["intermediate_size"] = 1 << 18;
  CHECK(refused<CorruptError>(model).find("as config.json says, found") != std::string::npos);
}

TEST_CASE("a failure after the pool was made removes it") {
  const TemporaryFolder folder;
  const KnownDomain known{.domain = "sea", .held_out = documents(2)};
  const ModelFolder model({.model = LlamaFolder().write(folder / "model")});
  SilentProgress progress;
  const std::atomic<bool> stop{true};
  CHECK_THROWS_AS(import_model(folder / "pool", model, model.config.model, tiny_delta(), known, 1, test_device(), kThreads, progress, stop),
                  ScoringStopped);
  CHECK(!std::filesystem::exists(folder / "pool"));
}

TEST_CASE("the document token is the named one, a usual one, or the folder's own end of text") {
  const TemporaryFolder folder;
  LlamaFolder model;
  LlamaJson& tokens = model.tokenizer["added_tokens"];
  tokens[0]["content"] = "</s>";
  CHECK(ModelFolder({.model = model.write(folder / "by-id")}).tokenizer.end_of_document == "</s>");  // eos_token_id is 256
  tokens.push_back(tokens[0]), tokens[1]["content"] = "<|mark|>", tokens[1]["id"] = 257;
  model.write(folder / "by-name");
  write_file(folder / "by-name" + "/tokenizer_config.json", R"({"eos_token": {"content": "<|mark|>"}})");
  CHECK(ModelFolder({.model = folder / "by-name"}).tokenizer.end_of_document == "<|mark|>");
  CHECK(ModelFolder({.model = folder / "by-name", .document_token = "</s>"}).tokenizer.end_of_document == "</s>");
  CHECK_THROWS_AS(ModelFolder({.model = folder / "by-name", .document_token = "<s>"}), UsageError);
  tokens.push_back(tokens[0]), tokens[2]["content"] = kLlamaEnd, tokens[2]["id"] = 258;
  CHECK(ModelFolder({.model = model.write(folder / "usual")}).tokenizer.end_of_document == kLlamaEnd);
  tokens = LlamaJson::array();
  CHECK_THROWS_AS(ModelFolder({.model = model.write(folder / "none")}), UsageError);
}

TEST_CASE("a name of several lines and a context below zero are refused") {
  const TemporaryFolder folder;
  const std::string model = LlamaFolder().write(folder / "llama");
  CHECK_THROWS_AS(ModelFolder({.model = model, .name = "two\nlines"}), UsageError);
  CHECK_THROWS_AS(ModelFolder({.model = model, .context = -1}), UsageError);
  CHECK(ModelFolder({.model = model, .name = "My model"}).name == "My model");
}

TEST_CASE("a folder without a tokenizer, without weights, or with more tokens than the model has rows for is refused") {
  const TemporaryFolder folder;
  LlamaFolder model;
  model.write(folder / "no-tokenizer"), std::filesystem::remove(folder / "no-tokenizer" + "/tokenizer.json");
  CHECK_THROWS_AS(ModelFolder({.model = folder / "no-tokenizer"}), UsageError);
  model.write(folder / "no-weights"), std::filesystem::remove(folder / "no-weights" + "/model.safetensors");
  CHECK_THROWS_AS(ModelFolder({.model = folder / "no-weights"}), UsageError);
  CHECK_THROWS_AS(ModelFolder({.model = folder / "nothing"}), UsageError);
  model.tokenizer["added_tokens"][0]["id"] = kLlamaVocabulary;
  CHECK_THROWS_AS(ModelFolder({.model = model.write(folder / "long")}), CorruptError);
}
