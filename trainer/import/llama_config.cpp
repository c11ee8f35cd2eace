#include "trainer/import/llama_config.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include "peer/base/option_check.h"
#include "trainer/import/folder_file.h"

namespace peer::trainer {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMostTokens = 1 << 24, kMostWidth = 1 << 18, kMostLayers = 1 << 12, kMostPositions = std::int64_t{1} << 30;

// What sets one family apart, and what transformers takes for members that its configuration leaves out.
struct Family {
  std::string_view name;
  layers::AttentionBias bias = layers::AttentionBias::kNone;  // whatever the configuration says
  bool bias_by_flag = false;                                  // attention_bias: all four maps have one
  std::int64_t kv_heads = 0;                                  // 0: as many as heads
  std::int64_t positions = 0;
  std::optional<std::int64_t> window = {};
  bool window_by_flag = false;    // use_sliding_window, without which there is none
  bool norms = false;             // of each head's query and key
  std::int64_t head_numbers = 0;  // 0: hidden_size / num_attention_heads
};
constexpr Family kFamilies[] = {
    {.name = "llama", .bias_by_flag = true, .positions = 2048},
    {.name = "mistral", .kv_heads = 8, .positions = 131072, .window = 4096},
    {.name = "qwen2", .bias = layers::AttentionBias::kQkv, .kv_heads = 32, .positions = 32768, .window = 4096, .window_by_flag = true},
    {.name = "qwen3",
     .bias_by_flag = true,
     .kv_heads = 32,
     .positions = 32768,
     .window = 4096,
     .window_by_flag = true,
     .norms = true,
     .head_numbers = 128},
};

// One configuration: members that are null count as absent, as in transformers.
class Config {
 public:
  Config(const Json& json, const std::string& where) : json_(json), where_(where) {
    if (!json.is_object()) refuse_as_corrupt("an object", json);
  }

  const Json* find(const char* key) const {
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }
  bool has(const char* key) const { return find(key) != nullptr; }

  // From 1 to `most`; what no option could be is not a number of this model.
  std::int64_t whole(const char* key, std::int64_t most) const {
    const Json* value = find(key);
    if (value == nullptr) throw CorruptError(fmt::format("{}: '{}': expected a whole number, found none", where_, key));
    if (!value->is_number_integer() || *value < 1 || *value > most) refuse_as_corrupt(fmt::format("'{}' from 1 to {}", key, most), *value);
    return value->get<std::int64_t>();
  }
  std::int64_t whole(const char* key, std::int64_t most, std::int64_t otherwise) const { return has(key) ? whole(key, most) : otherwise; }
  double above_zero(const char* key) const {
    const Json* value = find(key);
    if (value == nullptr) throw CorruptError(fmt::format("{}: '{}': expected a number above 0, found none", where_, key));
    if (!value->is_number() || !(value->get<double>() > 0) || !std::isfinite(value->get<double>()))
      refuse_as_corrupt(fmt::format("'{}' above 0", key), *value);
    return value->get<double>();
  }
  double above_zero(const char* key, double otherwise) const { return has(key) ? above_zero(key) : otherwise; }
  std::string text(const char* key, const std::string& otherwise) const {
    const Json* value = find(key);
    if (value == nullptr) return otherwise;
    if (!value->is_string()) refuse_as_corrupt(fmt::format("'{}' as text", key), *value);
    return value->get<std::string>();
  }
  bool flag(const char* key) const {
    const Json* value = find(key);
    if (value != nullptr && !value->is_boolean()) refuse_as_corrupt(fmt::format("'{}' true or false", key), *value);
    return value != nullptr && value->get<bool>();
  }

  // What the model cannot compute.
  void expect(bool held, std::string_view key, std::string_view expected, const std::string& found) const {
    if (!held) throw UsageError(fmt::format("{}: '{}': expected {}, found {}", where_, key, expected, found));
  }
  void expect_off(const char* key, std::string_view of_what) const {
    expect(!flag(key), key, fmt::format("false: the model has no {}", of_what), "true");
  }

 private:
  [[noreturn]] void refuse_as_corrupt(const std::string& expected, const Json& found) const {
    throw CorruptError(fmt::format("{}: expected {}, found {}", where_, expected, found.dump()));
  }

  const Json& json_;
  const std::string& where_;
};

const Family& family_of(const Config& config) {
  const std::string name = config.text("model_type", "none");
  const auto family = std::ranges::find(kFamilies, name, &Family::name);
  config.expect(family != std::end(kFamilies), "model_type",
                "llama (SmolLM and TinyLlama are too), mistral, qwen2 (Qwen2.5 is too) or qwen3", "'" + name + "'");
  config.expect(!config.has("quantization_config"), "quantization_config", "none: weights in F32, F16 or BF16", "quantised ones");
  return *family;
}

layers::AttentionBias attention_bias_of(const Config& config, const Family& family) {
  if (family.bias != layers::AttentionBias::kNone) return family.bias;
  if (family.bias_by_flag && config.flag("attention_bias")) return layers::AttentionBias::kQkvo;
  config.expect_off("attention_bias", fmt::format("biases of the attention of '{}'", family.name));
  return layers::AttentionBias::kNone;
}

void check_arithmetic(const Config& config, const Family& family) {
  config.expect_off("mlp_bias", "biases of the feed-forward");
  if (!family.norms)
    for (const char* key : {"use_qk_norm", "qk_norm", "qk_layernorm"})
      config.expect_off(key, fmt::format("norms of the queries and keys of '{}'", family.name));
  config.expect_off("rope_interleaved", "interleaved rotary positions");
  const std::string activation = config.text("hidden_act", "silu");
  config.expect(activation == "silu" || activation == "swish", "hidden_act", "silu", "'" + activation + "'");
}

// 0 where a head is as wide as its share of the model.
std::int64_t head_width_of(const Config& config, const Family& family, std::int64_t width, std::int64_t heads) {
  const bool shares = family.head_numbers == 0 && !config.has("head_dim");
  config.expect(!shares || width % heads == 0, "num_attention_heads",
                fmt::format("a divisor of hidden_size, {}, without a head_dim", width), std::to_string(heads));
  const std::int64_t head = shares ? width / heads : config.whole("head_dim", kMostWidth, family.head_numbers);
  config.expect(head % 2 == 0, "head_dim", "an even number, for rotary positions", std::to_string(head));
  config.expect(head * heads <= kMostWidth, "head_dim", fmt::format("at most {} / num_attention_heads, {}", kMostWidth, heads),
                std::to_string(head));
  return head * heads == width ? 0 : head;
}

// Of one of `rope_scaling` and `rope_parameters`, which older folders call the kind `type` in.
ops::RotaryScaling rotary_scaling_of(const Config& rope, const Config& config, std::int64_t positions) {
  const std::string kind = rope.text("rope_type", rope.text("type", "default"));
  rope.expect(kind == "default" || kind == "linear" || kind == "llama3", "rope_type", "default, linear or llama3", "'" + kind + "'");
  ops::RotaryScaling scaling;
  if (kind == "default") return scaling;
  scaling.factor = rope.above_zero("factor");
  rope.expect(scaling.factor >= 1, "factor", "1 or above", fmt::format("{}", scaling.factor));
  if (kind == "linear") return scaling;
  scaling.low_frequency = rope.above_zero("low_freq_factor"), scaling.high_frequency = rope.above_zero("high_freq_factor");
  rope.expect(scaling.high_frequency > scaling.low_frequency, "high_freq_factor",
              fmt::format("above low_freq_factor, {}", scaling.low_frequency), fmt::format("{}", scaling.high_frequency));
  const char* original = "original_max_position_embeddings";  // beside the kind or in it, of which transformers prefers the former
  scaling.original_context =
      config.has(original) ? config.whole(original, kMostPositions) : rope.whole(original, kMostPositions, positions);
  return scaling;
}

// As transformers wrote it until version 4, `rope_theta` beside `rope_scaling`, and since 5, both in `rope_parameters`.
void read_rotary(const Config& config, std::int64_t positions, const std::string& where, model::ModelOptions& model) {
  const auto check_share = [](const Config& c) {
    const double share = c.above_zero("partial_rotary_factor", 1);
    c.expect(share == 1, "partial_rotary_factor", "1: every number of a head is rotated", fmt::format("{}", share));
  };
  check_share(config);
  const std::string beside = config.text("rope_type", "default");
  config.expect(beside == "default", "rope_type", "a kind in rope_scaling or rope_parameters", "'" + beside + "' beside them");
  model.rope_theta = config.above_zero("rope_theta", 10000);
  std::optional<ops::RotaryScaling> scaling;
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const Json* json = config.find(key);
    if (json == nullptr) continue;
    const Config rope(*json, where);
    for (const auto& [name, value] : json->items())
      config.expect(!value.is_object(), key, "one kind of rotary positions for all layers", "kinds of their own for '" + name + "'");
    check_share(rope);
    model.rope_theta = rope.above_zero("rope_theta", model.rope_theta);
    const ops::RotaryScaling found = rotary_scaling_of(rope, config, positions);
    config.expect(!scaling || *scaling == found, key, "what rope_scaling says", json->dump());
    scaling = found;
  }
  model.rope_scaling = scaling.value_or(ops::RotaryScaling{});
}

// A window at least as long as the context hides nothing from any token.
void check_windows(const Config& config, const Family& family, bool says_nothing, std::int64_t context) {
  if (const Json* kinds = config.find("layer_types"))
    for (const Json& kind : *kinds)
      config.expect(kind == "full_attention" || kind == "sliding_attention", "layer_types", "full_attention", kind.dump());
  const std::optional<std::int64_t> otherwise = says_nothing ? family.window : std::nullopt;
  if ((family.window_by_flag || config.has("use_sliding_window")) && !config.flag("use_sliding_window")) return;
  if (!config.has("sliding_window") && !otherwise) return;
  constexpr std::int64_t kMost = std::int64_t{1} << 40;
  const std::int64_t window = config.whole("sliding_window", kMost, otherwise.value_or(0));
  config.expect(window >= context, "sliding_window", fmt::format("{} or more, the context; or a smaller --context", context),
                std::to_string(window));
}

std::vector<std::int64_t> end_ids_of(const Config& config) {
  std::vector<std::int64_t> ids;
  const Json* value = config.find("eos_token_id");
  if (value == nullptr) return ids;
  for (const Json& id : value->is_array() ? *value : Json::array({*value}))
    if (id.is_number_integer()) ids.push_back(id.get<std::int64_t>());
  return ids;
}

}  // namespace

LlamaConfig parse_llama_config(std::string_view text, std::int64_t context, const std::string& where) {
  const Json json = parse_folder_json(text, where);
  const Config config(json, where);
  const Family& family = family_of(config);
  LlamaConfig llama;
  model::ModelOptions& model = llama.model;
  model.vocabulary = config.whole("vocab_size", kMostTokens);
  model.width = config.whole("hidden_size", kMostWidth);
  model.layers = config.whole("num_hidden_layers", kMostLayers);
  model.heads = config.whole("num_attention_heads", model.width);
  model.kv_heads =
      config.whole("num_key_value_heads", model.heads, family.kv_heads > 0 ? std::min(family.kv_heads, model.heads) : model.heads);
  config.expect(model.heads % model.kv_heads == 0, "num_key_value_heads", fmt::format("a divisor of num_attention_heads, {}", model.heads),
                std::to_string(model.kv_heads));
  model.head_width = head_width_of(config, family, model.width, model.heads);
  model.feed_forward = config.whole("intermediate_size", kMostWidth);
  model.norm_epsilon = config.above_zero("rms_norm_eps", 1e-6);
  model.peer_layers = {};
  model.attention_bias = attention_bias_of(config, family);
  model.query_key_norm = family.norms ? layers::QueryKeyNorm::kRms : layers::QueryKeyNorm::kNone;
  check_arithmetic(config, family);
  llama.positions = config.whole("max_position_embeddings", kMostPositions, family.positions);
  read_rotary(config, llama.positions, where, model);
  model.context = context > 0 ? context : std::min(llama.positions, kLongestImportedContext);
  check_option(model.context >= 2 && model.context <= llama.positions, "context",
               fmt::format("2 to {}, the positions that the model knows", llama.positions), model.context);
  check_windows(config, family, !json.contains("sliding_window"), model.context);  // null says that there is none
  model.tied_embeddings = config.flag("tie_word_embeddings");
  llama.end_ids = end_ids_of(config);
  model::check(model);
  return llama;
}

}  // namespace peer::trainer
