// Which configurations become a model here, and which are refused with the reason.
#include "trainer/import/llama_config.h"

#include "peer/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/llama_folder.h"

using namespace peer;
using namespace peer::trainer;
using peer::test::llama_config;
using peer::test::LlamaJson;
using peer::test::qwen2_config;
using peer::test::qwen3_config;

namespace {

LlamaConfig parse(const LlamaJson& config, std::int64_t context = 0) { return parse_llama_config(config.dump(), context, "config.json"); }

LlamaConfig parse_with(const std::string& key, const LlamaJson& value, std::int64_t context = 0) {
  LlamaJson config = llama_config();
  config[key] = value;
  return parse(config, context);
}

void refuses(const std::string& key, const LlamaJson& value, const std::string& reason) {
  CAPTURE(key);
  CHECK_THROWS_AS(parse_with(key, value), UsageError);
  CHECK_THROWS_WITH(parse_with(key, value), Catch::StartsWith("config.json: ") && Catch::Contains(reason));
}

}  // namespace

TEST_CASE("a configuration becomes the options of a model without PEER layers") {
  const LlamaConfig llama = parse(llama_config());
  CHECK(llama.model.vocabulary == 264);
  CHECK(llama.model.width == 32);
  CHECK(llama.model.layers == 2);
  CHECK(llama.model.heads == 4);
  CHECK(llama.model.kv_heads == 2);
  CHECK(llama.model.feed_forward == 48);
  CHECK(llama.model.rope_theta == 50000);
  CHECK(llama.model.norm_epsilon == 1e-6);
  CHECK(llama.model.peer_layers.empty());
  CHECK(!llama.model.tied_embeddings);
  CHECK(llama.end_ids == std::vector<std::int64_t>{256});
}

TEST_CASE("the context is what the model knows positions for, at most 512, unless it is given") {
  CHECK(parse(llama_config()).model.context == 64);
  CHECK(parse_with("max_position_embeddings", 8192).model.context == 512);
  CHECK(parse_with("max_position_embeddings", 8192, 4096).model.context == 4096);
  CHECK_THROWS_WITH(parse(llama_config(), 65), Catch::Contains("'context'") && Catch::Contains("2 to 64"));
}

TEST_CASE("rotary positions are read in the spelling of transformers 4 and of 5") {
  LlamaJson config = llama_config();
  config.erase("rope_parameters");
  CHECK(parse(config).model.rope_theta == 10000);
  config["rope_theta"] = 100000, config["rope_scaling"] = nullptr;
  CHECK(parse(config).model.rope_theta == 100000);
  config["rope_scaling"] = {{"type", "default"}};
  CHECK(parse(config).model.rope_theta == 100000);
}

TEST_CASE("scaled rotary positions are read in both spellings") {
  const LlamaJson llama3 = {{"factor", 32.0},
                            {"high_freq_factor", 4.0},
                            {"low_freq_factor", 1.0},
                            {"original_max_position_embeddings", 32},
                            {"rope_type", "llama3"}};
  const ops::RotaryScaling expected{.factor = 32, .original_context = 32, .low_frequency = 1, .high_frequency = 4};
  LlamaJson old = llama_config(), now = llama_config();
  old.erase("rope_parameters"), old["rope_theta"] = 500000.0, old["rope_scaling"] = llama3;
  CHECK(parse(old).model.rope_scaling == expected);
  CHECK(parse(old).model.rope_theta == 500000);
  now["rope_parameters"] = llama3, now["rope_parameters"]["rope_theta"] = 500000.0;
  CHECK(parse(now).model.rope_scaling == expected);
  CHECK(parse(now).model.rope_theta == 500000);
  now["rope_scaling"] = llama3;
  CHECK(parse(now).model.rope_scaling == expected);
  now["rope_scaling"]["factor"] = 8.0;
  CHECK_THROWS_WITH(parse(now), Catch::Contains("'rope_parameters': expected what rope_scaling says"));
  old["rope_scaling"] = {{"type", "linear"}, {"factor", 2.5}};
  CHECK(parse(old).model.rope_scaling == ops::RotaryScaling{.factor = 2.5});
  CHECK(parse(llama_config()).model.rope_scaling == ops::RotaryScaling{});
}

TEST_CASE("the original context is the one beside the kind, the one in it, or all positions, in the order of transformers") {
  LlamaJson config = llama_config();
  LlamaJson& rope = config["rope_parameters"];
  rope = {{"rope_type", "llama3"}, {"rope_theta", 5e5}, {"factor", 8}, {"low_freq_factor", 1}, {"high_freq_factor", 4}};
  CHECK(parse(config).model.rope_scaling.original_context == 64);
  rope["original_max_position_embeddings"] = 32;
  CHECK(parse(config).model.rope_scaling.original_context == 32);
  config["original_max_position_embeddings"] = 16;
  CHECK(parse(config).model.rope_scaling.original_context == 16);
}

TEST_CASE("what a configuration leaves out is what transformers takes for it") {
  LlamaJson config = llama_config();
  for (const char* key : {"num_key_value_heads", "head_dim", "hidden_act", "rms_norm_eps", "tie_word_embeddings", "eos_token_id"})
    config.erase(key);
  const LlamaConfig llama = parse(config);
  CHECK(llama.model.kv_heads == 4);
  CHECK(llama.model.norm_epsilon == 1e-6);
  CHECK(llama.end_ids.empty());
}

TEST_CASE("a Mistral model is one whose window is no shorter than the context") {
  LlamaJson config = llama_config();
  config["model_type"] = "mistral", config["sliding_window"] = 64;
  CHECK(parse(config).model.width == 32);
  config["sliding_window"] = nullptr;
  CHECK(parse(config).model.width == 32);
  config["sliding_window"] = 63;
  CHECK_THROWS_WITH(parse(config), Catch::Contains("'sliding_window': expected 64 or more"));
  CHECK(parse(config, 63).model.context == 63);
  config.erase("sliding_window"), config["max_position_embeddings"] = 8192;
  CHECK_THROWS_WITH(parse(config, 8192), Catch::Contains("found 4096"));
}

TEST_CASE("a Qwen2 model has biases of query, key and value, a Llama model those of all four maps where it says so, a Mistral model none") {
  using layers::AttentionBias;
  CHECK(parse(qwen2_config()).model.attention_bias == AttentionBias::kQkv);
  CHECK(parse(qwen2_config()).model.rope_theta == 1e6);
  CHECK(parse(llama_config()).model.attention_bias == AttentionBias::kNone);
  CHECK(parse_with("attention_bias", true).model.attention_bias == AttentionBias::kQkvo);
  LlamaJson config = llama_config();
  config["model_type"] = "mistral", config["attention_bias"] = true;
  CHECK_THROWS_WITH(parse(config),
                    Catch::Contains("'attention_bias': expected false: the model has no biases of the attention of 'mistral'"));
}

TEST_CASE("a Qwen2 model has a window where it says that it uses one, and then none shorter than the context") {
  LlamaJson config = qwen2_config();
  CHECK(parse(config).model.context == 64);
  config.erase("use_sliding_window");
  CHECK(parse(config).model.context == 64);
  config["use_sliding_window"] = true;
  CHECK_THROWS_WITH(parse(config), Catch::Contains("'sliding_window': expected 64 or more") && Catch::Contains("found 32"));
  CHECK(parse(config, 32).model.context == 32);
  config["sliding_window"] = nullptr;
  CHECK(parse(config).model.context == 64);
  config.erase("sliding_window"), config["max_position_embeddings"] = 8192;
  CHECK_THROWS_WITH(parse(config, 8192), Catch::Contains("found 4096"));
  config.erase("use_sliding_window"), config.erase("max_position_embeddings"), config.erase("num_key_value_heads");
  CHECK(parse(config).positions == 32768);
  CHECK(parse(config).model.kv_heads == 4);
}

TEST_CASE("heads are as wide as head_dim says, of whatever family, and without it as their share of the model") {
  for (const char* family : {"llama", "mistral", "qwen2", "qwen3"}) {
    CAPTURE(family);
    LlamaJson config = llama_config();
    config["model_type"] = family, config["head_dim"] = 16, config["num_attention_heads"] = 6;
    CHECK(parse(config).model.head_width == 16);
    CHECK(parse(config).model.query_width() == 96);
    CHECK(parse(config).model.kv_width() == 32);
    config["head_dim"] = 8, config["num_attention_heads"] = 4;
    CHECK(parse(config).model.head_width == 0);  // the share, as in pools without the option
  }
  LlamaJson config = llama_config();
  config["head_dim"] = nullptr;
  CHECK(parse(config).model.numbers_of_head() == 8);
  config["num_attention_heads"] = 6;
  CHECK_THROWS_AS(parse(config), UsageError);
  CHECK_THROWS_WITH(parse(config),
                    Catch::Contains("'num_attention_heads': expected a divisor of hidden_size, 32, without a head_dim, found 6"));
}

TEST_CASE("a Qwen3 model norms queries and keys, has heads of 128 unless it says otherwise, and biases and a window where it says so") {
  using layers::AttentionBias, layers::QueryKeyNorm;
  LlamaJson config = qwen3_config();
  const model::ModelOptions model = parse(config).model;
  CHECK(model.query_key_norm == QueryKeyNorm::kRms);
  CHECK(model.head_width == 16);
  CHECK(model.attention_bias == AttentionBias::kNone);
  CHECK(model.rope_theta == 1e6);
  CHECK(model.norm_epsilon == 1e-6);
  for (const LlamaJson& other : {llama_config(), qwen2_config()}) CHECK(parse(other).model.query_key_norm == QueryKeyNorm::kNone);
  config["attention_bias"] = true;
  CHECK(parse(config).model.attention_bias == AttentionBias::kQkvo);
  config["use_sliding_window"] = true, config["sliding_window"] = 32;
  CHECK_THROWS_WITH(parse(config), Catch::Contains("'sliding_window': expected 64 or more"));
  config["use_sliding_window"] = false;
  for (const char* key : {"head_dim", "max_position_embeddings", "num_key_value_heads"}) config.erase(key);
  CHECK(parse(config).model.head_width == 128);
  CHECK(parse(config).positions == 32768);
  CHECK(parse(config).model.kv_heads == 4);
}

TEST_CASE("a configuration of other arithmetic is refused in one line that says what and why") {
  refuses("model_type", "qwen3_moe",
          "'model_type': expected llama (SmolLM and TinyLlama are too), mistral, qwen2 (Qwen2.5 is too) or qwen3, found 'qwen3_moe'");
  refuses("model_type", nullptr, "found 'none'");
  refuses("mlp_bias", true, "'mlp_bias': expected false: the model has no biases of the feed-forward");
  refuses("hidden_act", "gelu", "'hidden_act': expected silu, found 'gelu'");
  refuses("head_dim", 9, "'head_dim': expected an even number, for rotary positions, found 9");
  refuses("head_dim", 1 << 17, "'head_dim': expected at most 262144 / num_attention_heads, 4, found 131072");
  refuses("num_key_value_heads", 3, "'num_key_value_heads': expected a divisor of num_attention_heads, 4, found 3");
  refuses("use_qk_norm", true, "'use_qk_norm': expected false: the model has no norms of the queries and keys of 'llama'");
  refuses("rope_interleaved", true, "'rope_interleaved'");
  for (const char* kind : {"dynamic", "yarn", "longrope", "su", "mrope"}) {
    const std::string found = std::string("'rope_type': expected default, linear or llama3, found '") + kind + "'";
    refuses("rope_scaling", {{"type", kind}, {"factor", 2.0}}, found);
    refuses("rope_parameters", {{"rope_type", kind}, {"rope_theta", 1e4}}, found);
  }
  refuses("rope_type", "llama3", "expected a kind in rope_scaling or rope_parameters, found 'llama3' beside them");
  refuses("rope_parameters", {{"rope_type", "linear"}, {"factor", 0.5}}, "'factor': expected 1 or above, found 0.5");
  refuses("rope_parameters", {{"rope_type", "llama3"}, {"factor", 8}, {"low_freq_factor", 4}, {"high_freq_factor", 4}},
          "'high_freq_factor': expected above low_freq_factor, 4, found 4");
  refuses("rope_parameters", {{"full_attention", {{"rope_type", "default"}}}}, "'rope_parameters': expected one kind");
  refuses("rope_parameters", {{"rope_type", "default"}, {"partial_rotary_factor", 0.5}}, "'partial_rotary_factor'");
  refuses("partial_rotary_factor", 0.25, "found 0.25");
  refuses("quantization_config", {{"quant_method", "gptq"}}, "'quantization_config'");
  refuses("layer_types", {"full_attention", "linear_attention"}, "'layer_types'");
}

TEST_CASE("a configuration that is damaged is said to be, with the member and what was found") {
  CHECK_THROWS_AS(parse_llama_config("{\"model_type\"", 0, "here"), CorruptError);
  CHECK_THROWS_AS(parse_llama_config("[1]", 0, "here"), CorruptError);
  for (const LlamaJson& value : {LlamaJson("32"), LlamaJson(0), LlamaJson(-4), LlamaJson(1.5), LlamaJson(std::int64_t{1} << 60)}) {
    CAPTURE(value.dump());
    CHECK_THROWS_AS(parse_with("hidden_size", value), CorruptError);
  }
  CHECK_THROWS_WITH(parse_with("vocab_size", nullptr), Catch::Contains("'vocab_size': expected a whole number, found none"));
  CHECK_THROWS_AS(parse_with("rms_norm_eps", 0), CorruptError);
  CHECK_THROWS_AS(parse_with("tie_word_embeddings", "yes"), CorruptError);
  CHECK_THROWS_AS(parse_with("rope_parameters", 3), CorruptError);
  CHECK_THROWS_WITH(parse_with("rope_scaling", {{"type", "linear"}}), Catch::Contains("'factor': expected a number above 0, found none"));
  CHECK_THROWS_WITH(parse_with("rope_scaling", {{"type", "linear"}, {"factor", "2"}}), Catch::Contains("'factor' above 0"));
  CHECK_THROWS_AS(parse_with("rope_scaling", {{"rope_type", "llama3"}, {"factor", 8.0}, {"low_freq_factor", 1.0}}), CorruptError);
}
