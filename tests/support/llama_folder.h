// A small Llama model in a folder, as transformers writes one. Its numbers follow from a formula, the same in
// tests/trainer/import_golden.py.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "peer/base/element.h"
#include "tests/support/temporary_folder.h"

namespace peer::test {

using LlamaJson = nlohmann::ordered_json;

struct LlamaTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

inline constexpr std::int64_t kLlamaVocabulary = 264, kLlamaWidth = 32, kLlamaLayers = 2, kLlamaHeads = 4, kLlamaKvHeads = 2,
                              kLlamaFeedForward = 48, kLlamaHead = kLlamaWidth / kLlamaHeads;
inline constexpr const char* kLlamaEnd = "<|endoftext|>";

inline float llama_number(std::size_t tensor, std::size_t index, bool norm) {
  auto x = static_cast<std::uint32_t>(index * 2654435761u + tensor * 40503u + 12345u);
  x ^= x >> 16, x *= 2246822519u, x ^= x >> 13;
  const double number = static_cast<double>(x) / 4294967296.0 - 0.5;
  return static_cast<float>(norm ? 1 + 0.5 * number : number);
}

// `head`: numbers of a head of attention.
inline std::vector<LlamaTensor> llama_tensors(std::int64_t head = kLlamaHead) {
  constexpr std::int64_t kD = kLlamaWidth, kF = kLlamaFeedForward;
  const std::int64_t q = head * kLlamaHeads, kv = head * kLlamaKvHeads;
  std::vector<LlamaTensor> tensors = {{"model.embed_tokens.weight", {kLlamaVocabulary, kD}, {}}};
  for (std::int64_t layer = 0; layer < kLlamaLayers; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    tensors.push_back({prefix + "input_layernorm.weight", {kD}, {}});
    tensors.push_back({prefix + "self_attn.q_proj.weight", {q, kD}, {}});
    tensors.push_back({prefix + "self_attn.k_proj.weight", {kv, kD}, {}});
    tensors.push_back({prefix + "self_attn.v_proj.weight", {kv, kD}, {}});
    tensors.push_back({prefix + "self_attn.o_proj.weight", {kD, q}, {}});
    tensors.push_back({prefix + "post_attention_layernorm.weight", {kD}, {}});
    tensors.push_back({prefix + "mlp.gate_proj.weight", {kF, kD}, {}});
    tensors.push_back({prefix + "mlp.up_proj.weight", {kF, kD}, {}});
    tensors.push_back({prefix + "mlp.down_proj.weight", {kD, kF}, {}});
  }
  tensors.push_back({"model.norm.weight", {kD}, {}});
  tensors.push_back({"lm_head.weight", {kLlamaVocabulary, kD}, {}});
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    std::int64_t count = 1;
    for (const std::int64_t extent : tensors[t].shape) count *= extent;
    const bool norm = tensors[t].name.find("norm") != std::string::npos;
    for (std::int64_t i = 0; i < count; ++i) tensors[t].values.push_back(llama_number(t, static_cast<std::size_t>(i), norm));
  }
  return tensors;
}

// The weights of the norms of queries and keys, numbered behind the tensors of a model without.
inline std::vector<LlamaTensor> llama_head_norms(std::int64_t head) {
  std::vector<LlamaTensor> norms;
  std::size_t number = llama_tensors().size();
  for (std::int64_t layer = 0; layer < kLlamaLayers; ++layer)
    for (const char* map : {"q", "k"}) {
      LlamaTensor& norm = norms.emplace_back();
      norm.name = "model.layers." + std::to_string(layer) + ".self_attn." + map + "_norm.weight", norm.shape = {head};
      for (std::int64_t i = 0; i < head; ++i) norm.values.push_back(llama_number(number, static_cast<std::size_t>(i), true));
      ++number;
    }
  return norms;
}

// The biases of the maps named, for example "qkv", numbered behind the tensors of a model without.
inline std::vector<LlamaTensor> llama_biases(const std::string& maps) {
  std::vector<LlamaTensor> biases;
  std::size_t number = llama_tensors().size();
  for (std::int64_t layer = 0; layer < kLlamaLayers; ++layer)
    for (const char map : maps) {
      const std::int64_t size = map == 'k' || map == 'v' ? kLlamaHead * kLlamaKvHeads : kLlamaWidth;
      LlamaTensor& bias = biases.emplace_back();
      bias.name = "model.layers." + std::to_string(layer) + ".self_attn." + map + "_proj.bias", bias.shape = {size};
      for (std::int64_t i = 0; i < size; ++i) bias.values.push_back(llama_number(number, static_cast<std::size_t>(i), false));
      ++number;
    }
  return biases;
}

// The nearest half, ties to even. Of finite numbers below 65504 alone.
inline std::uint16_t half_of(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000);
  const std::int32_t exponent = static_cast<std::int32_t>(bits >> 23 & 255) - 127;
  if (exponent < -25) return sign;
  const std::uint32_t fraction = (bits & 0x7fffff) | 0x800000;
  const std::uint32_t drop = exponent < -14 ? static_cast<std::uint32_t>(-1 - exponent) : 13;
  const std::uint32_t kept = fraction >> drop, rest = fraction & ((1u << drop) - 1), middle = 1u << (drop - 1);
  const std::uint32_t rounded = kept + (rest > middle || (rest == middle && (kept & 1) != 0) ? 1 : 0);
  return static_cast<std::uint16_t>(sign | (exponent < -14 ? rounded : rounded + (static_cast<std::uint32_t>(exponent + 14) << 10)));
}

inline std::string stored_numbers(const std::vector<float>& values, const std::string& dtype) {
  std::string bytes;
  for (const float value : values) {
    const std::uint16_t narrow = dtype == "F16" ? half_of(value) : bfloat16_of(value);
    const void* from = dtype == "F32" ? static_cast<const void*>(&value) : &narrow;
    bytes.append(static_cast<const char*>(from), dtype == "F32" ? 4 : 2);
  }
  return bytes;
}

inline std::string safetensors_file(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + header + data;
}

inline std::string safetensors_of(const std::vector<LlamaTensor>& tensors, const std::string& dtype) {
  LlamaJson header = {{"__metadata__", {{"format", "pt"}}}};
  std::string data;
  for (const LlamaTensor& tensor : tensors) {
    const std::string bytes = stored_numbers(tensor.values, dtype);
    header[tensor.name] = {{"dtype", dtype}, {"shape", tensor.shape}, {"data_offsets", {data.size(), data.size() + bytes.size()}}};
    data += bytes;
  }
  return safetensors_file(header.dump(), data);
}

inline LlamaJson llama_config() {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"model_type", "llama"},
          {"attention_bias", false},
          {"mlp_bias", false},
          {"hidden_act", "silu"},
          {"vocab_size", kLlamaVocabulary},
          {"hidden_size", kLlamaWidth},
          {"intermediate_size", kLlamaFeedForward},
          {"num_hidden_layers", kLlamaLayers},
          {"num_attention_heads", kLlamaHeads},
          {"num_key_value_heads", kLlamaKvHeads},
          {"head_dim", kLlamaHead},
          {"max_position_embeddings", 64},
          {"rms_norm_eps", 1e-6},
          {"rope_parameters", {{"rope_theta", 50000.0}, {"rope_type", "default"}}},
          {"tie_word_embeddings", false},
          {"eos_token_id", 256}};
}

// In the words of Qwen2.5: no head_dim, no attention_bias, a window that is not used.
inline LlamaJson qwen2_config() {
  LlamaJson config = llama_config();
  for (const char* key : {"attention_bias", "mlp_bias", "head_dim", "rope_parameters"}) config.erase(key);
  config["architectures"] = {"Qwen2ForCausalLM"}, config["model_type"] = "qwen2", config["rope_theta"] = 1e6;
  config["use_sliding_window"] = false, config["sliding_window"] = 32, config["max_window_layers"] = 1;
  return config;
}

// In the words of Qwen3: heads of their own width, no biases, a window that is not used.
inline LlamaJson qwen3_config(std::int64_t head = 16) {
  LlamaJson config = qwen2_config();
  config["architectures"] = {"Qwen3ForCausalLM"}, config["model_type"] = "qwen3", config["attention_bias"] = false;
  config["head_dim"] = head, config["sliding_window"] = nullptr;
  return config;
}

// The byte-pair encoding without a pair: token b is the byte b, token 256 the end of a document.
inline LlamaJson llama_tokenizer() {
  const auto utf8 = [](int code) {
    return code < 128 ? std::string(1, static_cast<char>(code))
                      : std::string{static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 63))};
  };
  LlamaJson vocabulary = LlamaJson::object();
  for (int byte = 0, moved = 0; byte < 256; ++byte) {
    const bool shown = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    vocabulary[utf8(shown ? byte : 256 + moved++)] = byte;
  }
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens",
           {{{"id", 256},
             {"content", kLlamaEnd},
             {"single_word", false},
             {"lstrip", false},
             {"rstrip", false},
             {"normalized", false},
             {"special", true}}}},
          {"normalizer", nullptr},
          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}}},
          {"post_processor", nullptr},
          {"decoder", {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}}},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", vocabulary},
            {"merges", LlamaJson::array()}}}};
}

struct LlamaFolder {
  std::string dtype = "F32";
  bool shards = false;
  LlamaJson config = llama_config(), tokenizer = llama_tokenizer();
  std::vector<LlamaTensor> tensors = llama_tensors();

  // Without lm_head.weight.
  void tie() {
    config["tie_word_embeddings"] = true;
    std::erase_if(tensors, [](const LlamaTensor& t) { return t.name == "lm_head.weight"; });
  }
  void set_head_width(std::int64_t head) { config["head_dim"] = head, tensors = llama_tensors(head); }
  void become_qwen3(std::int64_t head = 16) {
    config = qwen3_config(head), tensors = llama_tensors(head);
    for (LlamaTensor& norm : llama_head_norms(head)) tensors.push_back(std::move(norm));
  }
  void add_biases(const std::string& maps) {
    for (LlamaTensor& bias : llama_biases(maps)) tensors.push_back(std::move(bias));
  }
  LlamaTensor& tensor(const std::string& name) {
    return *std::find_if(tensors.begin(), tensors.end(), [&](const LlamaTensor& t) { return t.name == name; });
  }
  std::string write(const std::string& path) const {
    std::filesystem::create_directories(path);
    write_file(path + "/config.json", config.dump(2));
    write_file(path + "/tokenizer.json", tokenizer.dump());
    if (!shards) {
      write_file(path + "/model.safetensors", safetensors_of(tensors, dtype));
      return path;
    }
    const auto middle = tensors.begin() + std::ssize(tensors) / 2;
    LlamaJson map = LlamaJson::object();
    const auto write_shard = [&](const std::string& name, const std::vector<LlamaTensor>& part) {
      write_file(path + "/" + name, safetensors_of(part, dtype));
      for (const LlamaTensor& tensor : part) map[tensor.name] = name;
    };
    write_shard("model-00001-of-00002.safetensors", {tensors.begin(), middle});
    write_shard("model-00002-of-00002.safetensors", {middle, tensors.end()});
    write_file(path + "/model.safetensors.index.json", LlamaJson{{"metadata", {{"total_size", 1}}}, {"weight_map", map}}.dump());
    return path;
  }
};

}  // namespace peer::test
